"""What the measurements share: running gentri in a process of its own, and reading what it left."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gentri.errors import ExitCode
from gentri.pipeline.receipt import Receipt, damages, list_outputs
from gentri.stages import STAGES

ROOT = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "gentri")
FINISHED = (ExitCode.DONE, ExitCode.POOR)


def environment() -> dict[str, str]:
    """Of a gentri that runs from this source tree, on cores shared with the measurement."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "OMP_WAIT_POLICY": "PASSIVE"}


def run_gentri(*arguments: str | Path) -> dict[str, Any]:
    """Run `gentri ARGUMENTS --json` with its progress on this terminal; its answer.

    Raises:
        SystemExit: gentri refused.
    """
    command = [*PROGRAM, *map(str, arguments), "--json"]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True)
    if done.returncode not in FINISHED:
        raise SystemExit(f"gentri ended with {done.returncode}: {' '.join(command)}")
    return json.loads(done.stdout)


def published(session: Path) -> dict[str, str]:
    """Path → sha256 of every published file, all read again.

    Raises:
        ValueError: a folder is not what its receipt says.
    """
    found = {}
    for stage in STAGES:
        folder = session / stage.name
        if not folder.exists():
            continue
        receipt = Receipt.load(folder)
        if broken := damages(folder, receipt.outputs, verify=True):
            raise ValueError(f"{folder}: {', '.join(broken)}")
        if (there := list_outputs(folder)) != receipt.outputs:
            extra = {o.path for o in there} - {o.path for o in receipt.outputs}
            raise ValueError(f"{folder}: not in its receipt: {', '.join(sorted(extra))}")
        found |= {f"{stage.name}/{output.path}": output.sha256 for output in receipt.outputs}
    return found


def print_table(rows: Iterable[tuple[str, ...]]) -> None:
    """Columns as wide as their widest cell."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def verdict(value: float, bar: float, *, least: bool = False) -> str:
    """PASS when the value keeps to the bar: at most, or at least that much."""
    return "PASS" if (value >= bar if least else value <= bar) else "MISS"
