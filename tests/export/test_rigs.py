from pathlib import Path

import cv2
import numpy as np
import pytest
import tomlkit

from gentri.data import Camera, Rig, Rigid3
from gentri.export.rigs import write_pose2sim
from gentri.geometry.cameras import project

# Corners of a room that both cameras below see.
POINTS = np.stack(np.meshgrid([-1, 0.3, 1], [-1, 0.2, 1], [0.0, 0.9, 1.8]), -1).reshape(-1, 3)


def make_camera(name: str, azimuth: float, k3: float = 0.0) -> Camera:
    """A camera 5 m from the axis of the room, 2 m up, rolled, looking at the person's chest."""
    center = np.array([5 * np.cos(azimuth), 5 * np.sin(azimuth), 2.0])
    forward = np.array([0, 0, 1.0]) - center
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    roll = cv2.Rodrigues(np.array([0, 0, 0.4]))[0]
    R = roll @ np.stack([right, np.cross(forward, right), forward])
    K = np.array([[1681.25, 0, 532.9], [0, 1680.5, 948.1], [0, 0, 1]])
    dist = np.array([-0.21, 0.08, 1.5e-3, -0.9e-3, k3])
    return Camera(name, 1080, 1920, K, dist, Rigid3(R, -R @ center), "estimated")


def make_rig(*cameras: Camera) -> Rig:
    return Rig(cameras, "given", 0.0)


def read_as_pose2sim(path: Path) -> list[dict]:
    """Cameras by Pose2Sim's rules: every table but a few, in file order, straight to OpenCV."""
    calib = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    other = ("metadata", "capture_volume", "charuco", "checkerboard")
    return [
        {
            "section": section,
            "name": table["name"],
            "size": np.array(table["size"]),
            "K": np.array(table["matrix"]),
            "dist": np.array(table["distortions"]),
            "rotation": np.array(table["rotation"]),
            "translation": np.array(table["translation"]),
            "fisheye": table["fisheye"],
        }
        for section, table in calib.items()
        if section not in other and isinstance(table, dict)
    ]


@pytest.mark.parametrize("k3", [0.0, 0.035])
def test_opencv_projects_with_calib_toml_as_gentri_does(tmp_path: Path, k3: float) -> None:
    rig = make_rig(make_camera("a", 0.3, k3), make_camera("b", 2.0, k3))
    write_pose2sim(rig, tmp_path / "Calib.toml")
    for camera, read in zip(rig.cameras, read_as_pose2sim(tmp_path / "Calib.toml"), strict=True):
        projected, _ = cv2.projectPoints(
            POINTS, read["rotation"], read["translation"], read["K"], read["dist"]
        )
        np.testing.assert_allclose(projected[:, 0], project(camera, POINTS), atol=1e-6)


def test_four_distortions_unless_k3_says_something(tmp_path: Path) -> None:
    write_pose2sim(make_rig(make_camera("a", 0.3), make_camera("b", 1.0, 0.02)), tmp_path / "c")
    plain, wide = read_as_pose2sim(tmp_path / "c")
    assert plain["dist"].tolist() == [-0.21, 0.08, 1.5e-3, -0.9e-3]
    assert wide["dist"].tolist() == [-0.21, 0.08, 1.5e-3, -0.9e-3, 0.02]


def test_sections_sort_in_rig_order_and_names_survive(tmp_path: Path) -> None:
    names = ["Süd [2]", "a.b", "-x", 'quo"te', "東", *(f"c{i}" for i in range(7))]
    write_pose2sim(make_rig(*(make_camera(n, 0.5) for n in names)), tmp_path / "Calib.toml")
    cameras = read_as_pose2sim(tmp_path / "Calib.toml")
    assert [c["name"] for c in cameras] == names
    sections = [c["section"] for c in cameras]
    assert sections == sorted(sections) == [f"cam_{i:02d}" for i in range(12)]
    assert all(c["size"].tolist() == [1080, 1920] and c["fisheye"] is False for c in cameras)


def test_metadata_is_there(tmp_path: Path) -> None:
    write_pose2sim(make_rig(make_camera("a", 0.3)), tmp_path / "Calib.toml")
    calib = tomlkit.parse((tmp_path / "Calib.toml").read_text(encoding="utf-8")).unwrap()
    assert calib["metadata"] == {"adjusted": False, "error": 0.0}
