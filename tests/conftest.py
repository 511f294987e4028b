"""The program as a user calls it, and one finished session of the demo clip that tests share."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import balance
import pytest
import sessions

from gentri.data import Poses3D, Rig

Program = Callable[..., "subprocess.CompletedProcess[str]"]


def run_program(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run `gentri` in a process of its own."""
    return subprocess.run(
        [*sessions.PROGRAM, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**sessions.environment(), "PYTHONIOENCODING": "utf-8"},
        timeout=600,
    )


@pytest.fixture(scope="session")
def program() -> Program:
    return run_program


@pytest.fixture(scope="session")
def refused() -> Callable[..., str]:
    """Run a `gentri run` that must refuse: its cause and its next action."""

    def run(*arguments: object) -> str:
        done = run_program("run", *arguments)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        message = done.stderr[done.stderr.index("gentri: ") :]
        assert "\n  → " in message
        return message

    return run


@dataclass(frozen=True)
class Finished:
    """A session, and what the run that made it answered."""

    root: Path
    answer: dict[str, Any]

    @property
    def rig(self) -> Rig:
        return Rig.load(self.root / "calibrate" / "rig.toml")

    @property
    def poses(self) -> Poses3D:
        return Poses3D.load(self.root / "triangulate" / "poses3d.npz")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Every fourth frame of the demo clip, nothing else given. Not to be changed."""
    root = tmp_path_factory.mktemp("balance") / "session"
    settings = ("--set", "frames.fps=15")
    done = run_program("run", *balance.VIDEOS, "--session", root, *settings, "--json")
    assert done.returncode == 0, done.stderr
    return Finished(root, json.loads(done.stdout))


@pytest.fixture
def moved(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished session elsewhere, without its videos. Tests may change it."""
    return Path(shutil.copytree(finished.root, tmp_path / "moved"))
