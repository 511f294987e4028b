"""Runs broken off anywhere: what is published is whole, nothing is lost, nothing is done twice."""

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_stages
from toy_stages import STAGES, settings

from gentri.pipeline.receipt import Receipt, damages, list_outputs
from gentri.pipeline.runner import Silent, run
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Runtime

KILLS = 60
CHUNK_S = 0.004
# A run of the toy stages takes about 0.2 s: a kill falls anywhere in it.
LATEST_KILL_S = 0.25


class Crash(BaseException):
    """The process ends here."""


def run_and_kill(root: Path, scale: float, videos: dict[str, Path], after_s: float) -> bool:
    """Run the toy stages in a process of their own. Returns whether it was killed."""
    script = [sys.executable, toy_stages.__file__, str(root), str(scale), str(CHUNK_S)]
    with subprocess.Popen(
        [*script, *map(str, videos.values())], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()  # imports are done, the run begins
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        code = process.wait()
        assert code in (0, -signal.SIGKILL), process.stderr.read().decode()
        return code != 0


def published(root: Path) -> dict[str, str]:
    """Path → sha256 of every published file, each folder checked against its receipt."""
    found = {}
    for stage in STAGES:
        folder = root / stage.name
        if folder.exists():
            receipt = Receipt.load(folder)
            assert not damages(folder, receipt.outputs, verify=True)
            assert list_outputs(folder) == receipt.outputs
            found |= {f"{stage.name}/{o.path}": o.sha256 for o in receipt.outputs}
    return found


def has_result(root: Path, name: str) -> bool:
    """The result is in place, or a kill between two renames left it for the next run to restore."""
    return any(
        (folder / "stage.json").exists()
        for folder in (
            root / name,
            root / ".gentri" / "work" / name / "previous",
        )
    )


def finish(session: Session, scale: float) -> None:
    run(STAGES, session, settings(scale=scale), Runtime(), Silent())


def chunks_done(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if " " in line]


def crash_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """Crash before the step-th time that a file or folder is renamed or removed."""
    steps = itertools.count()

    def crashing(change):
        def changed(*args, **kwargs):
            if next(steps) == step:
                raise Crash
            return change(*args, **kwargs)

        return changed

    for module, name in ((os, "rename"), (os, "replace"), (shutil, "rmtree")):
        patch.setattr(module, name, crashing(getattr(module, name)))


def test_a_crash_before_any_step_loses_nothing_and_repeats_nothing(tmp_path, videos, monkeypatch):
    old = Session.create(tmp_path / "old", videos)
    finish(old, scale=2.0)
    unbroken = Session(Path(shutil.copytree(old.root, tmp_path / "unbroken")), old.sources)
    finish(unbroken, scale=1.0)
    wanted = published(unbroken.root)

    for step in itertools.count():
        session = Session(Path(shutil.copytree(old.root, tmp_path / f"{step}")), old.sources)
        log = tmp_path / f"{step}.log"
        monkeypatch.setenv(toy_stages.WORK_LOG, str(log))
        with monkeypatch.context() as patch:
            crash_at(step, patch)
            try:
                finish(session, scale=1.0)
                break
            except Crash:
                pass
        published(session.root)
        assert all(has_result(session.root, s.name) for s in STAGES)
        finish(session, scale=1.0)
        assert published(session.root) == wanted
        assert len(chunks_done(log)) == len(set(chunks_done(log))) == 18
    assert step > 40


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_random_kills_lose_nothing_and_repeat_nothing(tmp_path, videos, monkeypatch):
    unbroken = Session.create(tmp_path / "unbroken", videos)
    finish(unbroken, scale=1.0)
    wanted = published(unbroken.root)
    chance, kills, trial = random.Random(0), 0, 0
    while kills < KILLS:
        root, log = tmp_path / f"killed{trial}", tmp_path / f"{trial}.log"
        rerun = trial % 2 == 1  # every second trial replaces the results of other settings
        if rerun:
            finish(Session.create(root, videos), scale=2.0)
        monkeypatch.setenv(toy_stages.WORK_LOG, str(log))
        patience = 1.0  # grows, so that a slow disk ends a run at last
        while run_and_kill(root, 1.0, videos, chance.random() * LATEST_KILL_S * patience):
            kills, patience = kills + 1, patience * 1.1
            published(root)
            assert not rerun or all(has_result(root, s.name) for s in STAGES)
        monkeypatch.delenv(toy_stages.WORK_LOG)
        assert published(root) == wanted
        assert len(chunks_done(log)) == len(set(chunks_done(log)))
        trial += 1
