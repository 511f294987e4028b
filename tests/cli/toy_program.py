"""gentri's own command line over two toy stages, run as a program: `python toy_program.py ARGS`.

`count` makes chunk files; `judge` calls a result poor when it is told to.
"""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gentri import stages
from gentri.cli import app
from gentri.configs import settings
from gentri.errors import InputError
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Context, Metrics, Stage


@dataclass(frozen=True)
class CountParams:
    chunks: int
    stop_after: int
    stop_signal: str


@dataclass(frozen=True)
class JudgeParams:
    verdict: str


def count(context: Context) -> Metrics:
    p = context.params
    for i in range(p.chunks):
        part = context.parts / f"{i}.txt"
        if part.exists():
            continue
        with atomic_write(part) as temporary:
            temporary.write_text(str(i))
        context.progress.advance(i + 1, p.chunks, "chunks")
        if i + 1 == p.stop_after:
            os.kill(os.getpid(), getattr(signal, p.stop_signal))
            time.sleep(30)
    names = ", ".join(path.name for path in context.session.sources.values())
    context.progress.say(f"sources {names}")
    with atomic_write(context.out / "count.txt") as temporary:
        temporary.write_text(str(p.chunks))
    return {"chunks": p.chunks, "width_px": 12.5}


def judge(context: Context) -> Metrics:
    if context.params.verdict == "refuse":
        raise InputError("nobody is in [red]view[/red]", "film a person")
    with atomic_write(context.out / "verdict.json") as temporary:
        temporary.write_text(json.dumps(context.params.verdict))
    poor = ["limbs change their length"] if context.params.verdict == "poor" else []
    return {"files": {"verdict.json": "the verdict"}, "poor": poor}


def _sources(session: Session, _params: object) -> dict[str, str]:
    return {name: session.digest(path) for name, path in session.sources.items()}


if __name__ == "__main__":
    stages.STAGES = (
        Stage("count", 1, (), CountParams, count, _sources),
        Stage("judge", 1, ("count",), JudgeParams, judge),
    )
    settings.DEFAULTS_FILE = Path(__file__).with_name("toy_defaults.toml")
    sys.argv[0] = "gentri"
    app.main()
