"""What other programs compute from the files, by formulas that are not gentri's."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tomlkit

sys.path.insert(0, str(Path(__file__).parent))

from scenes import POINTS, make_camera, make_rig, varied_rig

from gentri.geometry.cameras import project
from gentri.rigs import aniposelib, colmap, easymocap, nerfstudio, opencv, pose2sim


def sections(path: Path) -> dict[str, dict]:
    """The cameras of a TOML by Pose2Sim's rules: every table but a few, in file order."""
    calib = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    other = ("metadata", "capture_volume", "charuco", "checkerboard")
    return {k: v for k, v in calib.items() if k not in other and isinstance(v, dict)}


@pytest.mark.parametrize("write", [pose2sim.write, aniposelib.write])
def test_opencv_projects_with_the_toml_as_gentri_does(tmp_path: Path, write) -> None:
    rig = varied_rig()
    write(rig, tmp_path / "Calib.toml")
    for camera, read in zip(rig.cameras, sections(tmp_path / "Calib.toml").values(), strict=True):
        keys = ("rotation", "translation", "matrix", "distortions")
        projected, _ = cv2.projectPoints(POINTS, *(np.array(read[key]) for key in keys))
        np.testing.assert_allclose(projected[:, 0], project(camera, POINTS), atol=1e-6)


def test_four_distortions_unless_k3_says_something(tmp_path: Path) -> None:
    rig = make_rig(make_camera("a", 0.3), make_camera("b", 1.0, 0.02))
    pose2sim.write(rig, tmp_path / "c.toml")
    plain, wide = sections(tmp_path / "c.toml").values()
    assert plain["distortions"] == [-0.21, 0.08, 1.5e-3, -0.9e-3]
    assert wide["distortions"] == [-0.21, 0.08, 1.5e-3, -0.9e-3, 0.02]


@pytest.mark.parametrize("write", [pose2sim.write, aniposelib.write])
def test_sections_sort_in_rig_order(tmp_path: Path, write) -> None:
    rig = varied_rig(tuple(f"c{i}" for i in range(101)))
    write(rig, tmp_path / "Calib.toml")
    found = sections(tmp_path / "Calib.toml")
    assert list(found) == sorted(found) == [f"cam_{i:03d}" for i in range(101)]
    assert all(table["size"] == [1080, 1920] for table in found.values())


def test_pose2sim_has_its_own_keys(tmp_path: Path) -> None:
    pose2sim.write(varied_rig(), tmp_path / "Calib.toml")
    calib = tomlkit.parse((tmp_path / "Calib.toml").read_text(encoding="utf-8")).unwrap()
    assert calib["metadata"] == {"adjusted": False, "error": 0.0}
    assert list(calib)[:2] == ["cam_00", "cam_01"]
    assert all(table["fisheye"] is False for table in sections(tmp_path / "Calib.toml").values())


def test_opencv_projects_with_its_own_files_as_gentri_does(tmp_path: Path) -> None:
    rig = varied_rig()
    opencv.write(rig, tmp_path)
    for camera in rig.cameras:
        storage = cv2.FileStorage(str(tmp_path / f"{camera.name}.yml"), cv2.FILE_STORAGE_READ)
        keys = ("R", "T", "camera_matrix", "distortion_coefficients")
        R, T, K, dist = (storage.getNode(key).mat() for key in keys)
        assert (R.shape, T.shape, K.shape, dist.shape) == ((3, 3), (3, 1), (3, 3), (5, 1))
        projected, _ = cv2.projectPoints(POINTS, cv2.Rodrigues(R)[0], T, K, dist)
        np.testing.assert_allclose(projected[:, 0], project(camera, POINTS), atol=1e-6)
        size = [int(storage.getNode(f"image_{side}").real()) for side in ("width", "height")]
        assert size == [camera.width, camera.height]


def test_opencv_projects_with_easymocap_as_gentri_does(tmp_path: Path) -> None:
    rig = varied_rig()
    easymocap.write(rig, tmp_path)
    intrinsics, extrinsics = (
        cv2.FileStorage(str(tmp_path / name), cv2.FILE_STORAGE_READ)
        for name in ("intri.yml", "extri.yml")
    )
    names = intrinsics.getNode("names")
    assert tuple(names.at(i).string() for i in range(names.size())) == rig.names
    for camera in rig.cameras:
        K, dist = (intrinsics.getNode(f"{key}_{camera.name}").mat() for key in ("K", "dist"))
        R, Rot, T = (extrinsics.getNode(f"{k}_{camera.name}").mat() for k in ("R", "Rot", "T"))
        # As its reader stacks them: np.hstack((cv2.Rodrigues(R)[0], T)).
        assert (dist.shape, R.shape, T.shape) == ((1, 5), (3, 1), (3, 1))
        np.testing.assert_allclose(cv2.Rodrigues(R)[0], Rot, atol=1e-12)
        projected, _ = cv2.projectPoints(POINTS, R, T, K, dist)
        np.testing.assert_allclose(projected[:, 0], project(camera, POINTS), atol=1e-6)
        size = [int(intrinsics.getNode(f"{key}_{camera.name}").real()) for key in "WH"]
        assert size == [camera.width, camera.height]


def test_nerfstudio_sees_the_points_where_gentri_does(tmp_path: Path) -> None:
    """Its camera model, written out: OpenGL axes, rays through the pixels' centres at + 0.5."""
    rig = varied_rig()
    nerfstudio.write(rig, tmp_path / "transforms.json")
    content = json.loads((tmp_path / "transforms.json").read_text(encoding="utf-8"))
    assert content["camera_model"] == "OPENCV"
    for camera, frame in zip(rig.cameras, content["frames"], strict=True):
        world_from_camera = np.array(frame["transform_matrix"])
        np.testing.assert_allclose(world_from_camera[:3, 3], camera.center, atol=1e-12)
        seen = np.linalg.inv(world_from_camera) @ np.c_[POINTS, np.ones(len(POINTS))].T
        assert (seen[2] < 0).all()  # it looks along −z
        x, y = seen[0] / -seen[2], -seen[1] / -seen[2]
        r = x * x + y * y
        k1, k2, k3, p1, p2 = (frame[key] for key in ("k1", "k2", "k3", "p1", "p2"))
        radial = 1 + r * (k1 + r * (k2 + r * k3))
        xd = radial * x + 2 * p1 * x * y + p2 * (r + 2 * x * x)
        yd = radial * y + 2 * p2 * x * y + p1 * (r + 2 * y * y)
        corner = np.stack([frame["fl_x"] * xd + frame["cx"], frame["fl_y"] * yd + frame["cy"]], -1)
        np.testing.assert_allclose(corner - 0.5, project(camera, POINTS), atol=1e-9)


def test_colmap_itself_sees_the_points_where_gentri_does(tmp_path: Path) -> None:
    pycolmap = pytest.importorskip("pycolmap")
    rig = varied_rig()
    colmap.write(rig, tmp_path)
    model = pycolmap.Reconstruction()
    model.read_text(str(tmp_path))
    assert (model.num_cameras(), model.num_images(), model.num_points3D()) == (5, 5, 0)
    found = {image.name: image for image in model.images.values()}
    assert set(found) == {f"{name}.jpg" for name in rig.names}
    used = [model.cameras[i].model.name for i in sorted(model.cameras)]
    assert used == ["OPENCV", "FULL_OPENCV", "PINHOLE", "FULL_OPENCV", "OPENCV"]
    for camera in rig.cameras:
        image = found[f"{camera.name}.jpg"]
        assert (image.camera.width, image.camera.height) == (camera.width, camera.height)
        corner = np.array([image.project_point(point) for point in POINTS])
        np.testing.assert_allclose(corner - 0.5, project(camera, POINTS), atol=1e-9)
        np.testing.assert_allclose(image.projection_center(), camera.center, atol=1e-12)


def test_a_model_that_colmap_wrote_is_read(tmp_path: Path) -> None:
    pycolmap = pytest.importorskip("pycolmap")
    rig = varied_rig()
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    colmap.write(rig, tmp_path / "ours")
    model = pycolmap.Reconstruction()
    model.read_text(str(tmp_path / "ours"))
    model.write_text(str(tmp_path / "theirs"))
    found = colmap.read(tmp_path / "theirs").select(rig.names)
    for ours, theirs in zip(rig.cameras, found.cameras, strict=True):
        np.testing.assert_allclose(project(theirs, POINTS), project(ours, POINTS), atol=1e-9)
