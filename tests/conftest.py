import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))  # for balance, which reads the demo clip's reference

ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "PYTHONIOENCODING": "utf-8",
    # Threads that wait by spinning slow other processes on the same cores down.
    "OMP_WAIT_POLICY": "PASSIVE",
}
Program = Callable[..., "subprocess.CompletedProcess[str]"]


def run_program(
    *arguments: object, cwd: Path | None = None, prefix: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run `gentri` in a process of its own."""
    return subprocess.run(
        [*prefix, sys.executable, "-m", "gentri", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **ENVIRONMENT},
        timeout=600,
    )


@pytest.fixture(scope="session")
def program() -> Program:
    """The command line as a user calls it."""
    return run_program
