"""How long the job takes on the demo clip, 4 × 100 frames, from videos to files.

    python benchmarks/clip_speed.py [--repeat 1]

Models are loaded once per process whatever the length of the videos: their time is shown, and not
counted. Run it on an otherwise idle machine.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balance import VIDEOS
from resume import SECOND_RUN_BAR_S, second_run_seconds
from sessions import print_table, run_gentri, verdict

TOTAL_BAR_S = 90.0
NETWORK_BAR_PERCENT = 80.0


@dataclass(frozen=True)
class Speed:
    """One run.

    Attributes:
        process_s: wall time of the process, imports and loading included.
        stage_s: stage → wall time, without loading the models.
        load_s: loading the models.
        network_percent: of the detect stage's time, spent inside the networks.
        again_s: wall time of a process that finds everything done.
    """

    process_s: float
    stage_s: dict[str, float]
    load_s: float
    network_percent: float
    again_s: float

    @property
    def total_s(self) -> float:
        """All stages, models loaded."""
        return sum(self.stage_s.values())


def measure(session: Path) -> Speed:
    """Run the clip in a new session."""
    began = time.monotonic()
    answer = run_gentri("run", *VIDEOS, "--session", session)
    process_s = time.monotonic() - began
    metrics: dict[str, Any] = {s["stage"]: s["metrics"] for s in answer["stages"]}
    stage_s = {s["stage"]: s["seconds"] for s in answer["stages"]}
    load_s = metrics["detect"]["load_seconds"]
    stage_s["detect"] -= load_s
    network_percent = 100 * metrics["detect"]["network_share"]
    return Speed(process_s, stage_s, load_s, network_percent, second_run_seconds(session))


def main() -> None:
    """Measure and print the run with the median total."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=1, help="runs; the median one is printed")
    runs = []
    for _ in range(parser.parse_args().repeat):
        with tempfile.TemporaryDirectory() as scratch:
            runs.append(measure(Path(scratch) / "session"))
    speed = sorted(runs, key=lambda run: run.total_s)[(len(runs) - 1) // 2]
    rows = [(name, f"{seconds:.1f} s", "", "") for name, seconds in speed.stage_s.items()]
    total, network = speed.total_s, speed.network_percent
    print_table(
        [
            ("", "measured", "bar", ""),
            *rows,
            (
                "all stages",
                f"{total:.1f} s",
                f"≤ {TOTAL_BAR_S:.0f} s",
                verdict(total, TOTAL_BAR_S),
            ),
            (
                "detect: inside the networks",
                f"{network:.1f} %",
                f"≥ {NETWORK_BAR_PERCENT:.0f} %",
                verdict(network, NETWORK_BAR_PERCENT, least=True),
            ),
            (
                "a second run",
                f"{speed.again_s:.2f} s",
                f"≤ {SECOND_RUN_BAR_S:g} s",
                verdict(speed.again_s, SECOND_RUN_BAR_S),
            ),
            ("loading the models", f"{speed.load_s:.1f} s", "", ""),
            ("the whole process", f"{speed.process_s:.1f} s", "", ""),
        ]
    )


if __name__ == "__main__":
    main()
