"""Rigs read by the programs that they are for, in a Python environment of their own.

aniposelib needs a second distribution of OpenCV, whose files overwrite those of the first, and
Pose2Sim some two hundred packages: neither can live beside gentri. COLMAP can: see
test_conventions.py.
"""

import json
import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenes import POINTS, make_camera, make_rig, varied_rig

from gentri.data import Rig
from gentri.geometry.cameras import project
from gentri.rigs import aniposelib, pose2sim, qualisys

SCRIPT = Path(__file__).parent / "foreign_readers.py"
# What Pose2Sim's reader of calibrations imports; the whole of Pose2Sim brings OpenSim and Qt.
POSE2SIM_NEEDS = ("rtoml", "c3d", "anytree", "matplotlib", "lxml", "pandas")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="Pose2Sim needs Python 3.11"),
]


@pytest.fixture(scope="module")
def foreign_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("foreign")
    venv.create(root, with_pip=True)
    python = root / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    install = (python, "-m", "pip", "install", "--quiet")
    subprocess.run([*install, "aniposelib", *POSE2SIM_NEEDS], check=True)
    subprocess.run([*install, "--no-deps", "pose2sim"], check=True)
    return python


def read_by(python: Path, tool: str, path: Path) -> list[dict]:
    done = subprocess.run(
        [python, SCRIPT, tool, path],
        input=json.dumps(POINTS.tolist()),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_same_named_views(cameras: list[dict], rig: Rig) -> None:
    assert tuple(camera["name"] for camera in cameras) == rig.names
    for ours, theirs in zip(rig.cameras, cameras, strict=True):
        assert theirs["size"] == [ours.width, ours.height]
        np.testing.assert_allclose(theirs["projected"], project(ours, POINTS), atol=1e-6)


def test_aniposelib_sees_what_gentri_sees(foreign_python: Path, tmp_path: Path) -> None:
    rig = varied_rig(tuple(f"Süd {i}" for i in range(12, 0, -1)))
    aniposelib.write(rig, tmp_path / "calibration.toml")
    cameras = read_by(foreign_python, "aniposelib", tmp_path / "calibration.toml")
    assert_same_named_views(cameras, rig)


def test_pose2sim_sees_what_gentri_sees(foreign_python: Path, tmp_path: Path) -> None:
    rig = varied_rig(tuple(f"Süd {i}" for i in range(12, 0, -1)))
    pose2sim.write(rig, tmp_path / "Calib.toml")
    cameras = read_by(foreign_python, "pose2sim", tmp_path / "Calib.toml")
    for ours, theirs in zip(rig.cameras, cameras, strict=True):
        assert theirs["size"] == [ours.width, ours.height]
        np.testing.assert_allclose(theirs["projected"], project(ours, POINTS), atol=1e-6)
        straight = replace(ours, dist=np.zeros(5))
        np.testing.assert_allclose(theirs["straight"], project(straight, POINTS), atol=1e-6)


def test_pose2sim_converts_a_qualisys_file_to_what_gentri_sees(
    foreign_python: Path, tmp_path: Path
) -> None:
    rig = make_rig(*(make_camera(f"cam{i}", 0.3 + 1.3 * i, straight=True) for i in range(1, 5)))
    qualisys.write(rig, tmp_path / "Calib.qca.txt")
    cameras = read_by(foreign_python, "qualisys", tmp_path / "Calib.qca.txt")
    assert_same_named_views(cameras, rig)
