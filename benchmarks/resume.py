"""What a finished session costs to run again, and what kills at random times do to a session.

python benchmarks/resume.py [--kills 50]
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from balance import VIDEOS
from sessions import (
    FINISHED,
    PROGRAM,
    environment,
    print_table,
    published,
    run_gentri,
    verdict,
)

SECOND_RUN_BAR_S = 2.0
# Few frames, far enough apart for a calibration: a run of some twenty seconds, half of it detect.
SHORT = ("--set", "frames.fps=15", "--set", "frames.end_s=0.8")

Chunks = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Drill:
    """What happened.

    Attributes:
        kills: processes killed.
        runs: sessions brought to their end despite kills, all equal to the unbroken run.
        folders_checked: published folders compared with their receipts after kills.
        chunks_kept: finished detect chunks that a later process found and did not do again.
    """

    kills: int
    runs: int
    folders_checked: int
    chunks_kept: int


def kill_drill(
    folder: Path, arguments: Sequence[str], wanted: dict[str, str], kills: int, latest_s: float
) -> Drill:
    """Kill runs at random times until they finish anyway; new sessions until all kills are spent.

    Args:
        folder: for the sessions.
        arguments: of `gentri run`, without the session.
        wanted: `published` of an unbroken run.
        kills: SIGKILLs in all.
        latest_s: kills fall uniformly between the start of a process and this.

    Raises:
        ValueError: a published folder differs from its receipt, the final bytes differ from the
            unbroken run's, or a finished chunk was done again.
    """
    chance, spent, runs, checked, kept = random.Random(0), 0, 0, 0, 0
    while spent < kills:
        session = folder / f"killed{runs}"
        before: Chunks = {}
        while _run_and_kill(session, arguments, chance.uniform(0, latest_s)):
            spent += 1
            checked += len({path.partition("/")[0] for path in published(session)})
            now = _detect_chunks(session)
            kept += _require_kept(before, now, session)
            before = now
        if published(session) != wanted:
            raise ValueError(f"{session} differs from an unbroken run")
        runs += 1
    return Drill(spent, runs, checked, kept)


def _run_and_kill(session: Path, arguments: Sequence[str], after_s: float) -> bool:
    """Whether the process was killed; what it left running (ffmpeg) is left alone, as in life."""
    command = [*PROGRAM, "run", *arguments, "--session", str(session)]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _, said = process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
    if process.returncode not in FINISHED:
        raise ValueError(f"gentri ended with {process.returncode}: {said}")
    return False


def _detect_chunks(session: Path) -> Chunks:
    """File → identity of the finished chunks of detect: one that is written again gets another."""
    found = (session / ".gentri" / "work" / "detect").glob("*/_parts/*.npz")
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def _require_kept(before: Chunks, now: Chunks, session: Path) -> int:
    if (session / "detect").exists():
        return 0  # published: its chunks are of no more use
    again = [name for name, identity in before.items() if now.get(name) != identity]
    if again:
        raise ValueError(f"{session}: chunks lost or done again: {', '.join(again)}")
    return len(before)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kills", type=int, default=50, help="SIGKILLs in all; default %(default)s"
    )
    wish = parser.parse_args()
    arguments = [*map(str, VIDEOS), *SHORT]
    with tempfile.TemporaryDirectory() as scratch:
        session = Path(scratch) / "unbroken"
        began = time.monotonic()
        run_gentri("run", *arguments, "--session", session)
        first_s = time.monotonic() - began
        second_s = second_run_seconds(session)
        drill = kill_drill(Path(scratch), arguments, published(session), wish.kills, first_s / 2)
    print_table(
        [
            ("", "measured", "bar", ""),
            ("first run, s", f"{first_s:.1f}", "", ""),
            (
                "second run, s",
                f"{second_s:.2f}",
                f"≤ {SECOND_RUN_BAR_S:g}",
                verdict(second_s, SECOND_RUN_BAR_S),
            ),
            ("SIGKILLs", str(drill.kills), "", ""),
            ("published folders checked after them", str(drill.folders_checked), "", ""),
            ("finished chunks found and kept", str(drill.chunks_kept), "", ""),
            ("sessions finished, equal to an unbroken one", str(drill.runs), "", ""),
        ]
    )


def second_run_seconds(session: Path) -> float:
    """Median wall time of three runs that find everything fresh, from process start to end."""
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        answer = run_gentri("run", "--session", session)
        seconds.append(time.monotonic() - began)
        if any(stage["action"] != "kept" for stage in answer["stages"]):
            sys.exit(f"a finished session was not kept: {answer}")
    return sorted(seconds)[1]


if __name__ == "__main__":
    main()
