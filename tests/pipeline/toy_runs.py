"""Runs of the toy stages, and what they leave."""

from dataclasses import replace
from pathlib import Path

import toy_stages
from toy_stages import STAGES, settings

from gentri.pipeline.plan import plan
from gentri.pipeline.runner import Silent, run
from gentri.pipeline.stage import Runtime

NAMES = ["frames", "detect", "calibrate", "triangulate"]


def go(session, stages=STAGES, force=(), until=None, **changed) -> dict[str, str]:
    """Run. Returns stage → action."""
    outcomes = run(
        stages, session, settings(**changed), Runtime(), Silent(), force=force, until=until
    )
    return {o.stage: o.action for o in outcomes}


def states(session, **changed) -> list[str]:
    return [str(p.state) for p in plan(STAGES, session, settings(**changed), verify=True)]


def with_run(name, work):
    """The toy stages with another function behind one of them."""
    return tuple(replace(s, run=work) if s.name == name else s for s in STAGES)


def after_chunks(count, error):
    """A detect stage that raises once so many chunks are finished."""

    def work(context):
        class Counting(Silent):
            left = count

            def advance(self, done, total, unit):
                self.left -= 1
                if not self.left:
                    raise error

        return toy_stages.run_detect(replace(context, progress=Counting()))

    return with_run("detect", work)


def contents(root: Path) -> dict[str, bytes]:
    """Every published file but the receipts, which tell times."""
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for name in NAMES
        for p in sorted((root / name).rglob("*"))
        if p.is_file() and p.name != "stage.json"
    }
