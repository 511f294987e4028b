"""Files as other programs write them, where these differ from what gentri writes."""

import json
import sys
from pathlib import Path
from typing import Any

import balance
import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenes import POINTS, assert_same, make_camera, make_rig, varied_rig

from gentri.data import Camera, Intrinsics
from gentri.errors import InputError
from gentri.geometry.cameras import project
from gentri.rigs import aniposelib, colmap, easymocap, lens_tables, nerfstudio
from gentri.rigs.formats import read_intrinsics, read_rig, renaming

QUALISYS = balance.CLIP / "Calib.qca.txt"


def test_qualisys_cameras_are_those_that_pose2sim_makes_of_them() -> None:
    """Numbers of its converter for the same file, which the clip carries."""
    path = balance.CLIP / "openpose_body25b.json"
    expected = json.loads(path.read_text(encoding="utf-8"))["cameras"]
    rig = read_rig(QUALISYS)
    assert rig.names == ("cam_01", "cam_02", "cam_03", "cam_04")
    assert (rig.scale_source, rig.scale_sigma) == ("given", 0.0)
    for camera in rig.cameras:
        given = expected[camera.name.replace("_", "")]
        pose = camera.cam_from_world
        np.testing.assert_allclose(camera.K, given["K"], atol=1e-9)
        np.testing.assert_allclose(pose.R, given["R"], atol=1e-6)  # six decimals in the file
        np.testing.assert_allclose(pose.t, given["t_m"], atol=1e-5)
        # It divides these by the 64 steps of a pixel, too, which they do not count.
        np.testing.assert_allclose(camera.dist[:4], 64 * np.array(given["dist"][:4]), atol=1e-12)
        assert [camera.width, camera.height] == given["size_wh"]
        np.testing.assert_allclose(pose.R @ pose.R.T, np.eye(3), atol=1e-12)


def test_qualisys_crop_moves_the_principal_point(tmp_path: Path) -> None:
    text = QUALISYS.read_text().replace(
        '<fov_video bottom="1919" left="0" right="1087" top="0"',
        '<fov_video bottom="1119" left="40" right="1039" top="20"',
    )
    (tmp_path / "Calib.qca.txt").write_text(text)
    crop, whole = read_rig(tmp_path / "Calib.qca.txt").cameras[0], read_rig(QUALISYS).cameras[0]
    assert (crop.width, crop.height) == (1000, 1100)
    np.testing.assert_allclose(crop.K[:2, 2], whole.K[:2, 2] - [40, 20], atol=1e-9)


def test_qualisys_refuses_what_it_cannot_tell(tmp_path: Path) -> None:
    path, text = tmp_path / "Calib.qca.txt", QUALISYS.read_text()
    for old, new, message in (
        ('viewrotation="0"', 'viewrotation="90"', "turned by 90"),
        ("<transform", "<transfer", "<transform> is missing"),
        ('skew="0.000000"', 'skew="3.0"', "skewed"),
        ('r11="0.55', 'r11="1.55', "rotation is not one"),
        ("</calibration>", "", "not a Qualisys calibration"),
    ):
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(InputError, match=message):
            read_rig(path)
    path.write_text(text.replace('active="1"', 'active="0"', 1))
    assert read_rig(path).names == ("cam_02", "cam_03", "cam_04")


def test_pose2sim_files_may_name_sections_after_cameras(tmp_path: Path) -> None:
    lens = "size = [4.0, 3.0]\nmatrix = [[9.0, 0.0, 2.0], [0.0, 9.0, 1.5], [0.0, 0.0, 1.0]]\n"
    rest = "distortions = [0.0, 0.0, 0.0, 0.0]\nrotation = [0.0, 0.0, 0.0]\n"
    rest += "translation = [0.0, 0.0, 1.0]\nfisheye = false\n"
    other = "[capture_volume]\nx = 1\n[metadata]\nadjusted = false\nerror = 0.0\n"
    (tmp_path / "c.toml").write_text(f"[zoom]\n{lens}{rest}\n[alpha]\n{lens}{rest}\n{other}")
    assert read_rig(tmp_path / "c.toml").names == ("zoom", "alpha")
    assert set(read_intrinsics(tmp_path / "c.toml")) == {"zoom", "alpha"}


def test_aniposelib_sorts_sections_as_its_loader_does(tmp_path: Path) -> None:
    rig = varied_rig()
    aniposelib.write(rig, tmp_path / "c.toml")
    text = (tmp_path / "c.toml").read_text(encoding="utf-8").replace("[cam_01]", "[cam_9]")
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    assert read_rig(tmp_path / "c.toml").names == tuple(np.array(rig.names)[[0, 2, 3, 4, 1]])


def test_easymocap_rotation_matrices_and_six_decimals_are_read(tmp_path: Path) -> None:
    """Its writer rounds to six decimals; what is left is no exact rotation."""
    rig = varied_rig(("1", "2"))
    easymocap.write(rig, tmp_path)
    for name in ("intri.yml", "extri.yml"):
        lines = (tmp_path / name).read_text().splitlines()
        for i, line in enumerate(lines):
            if "data:" in line:
                numbers = np.array(line.partition("[")[2].strip("]").split(","), dtype=float)
                lines[i] = f"  data: [{', '.join(f'{x:.6f}' for x in numbers)}]"
        (tmp_path / name).write_bytes("\r\n".join(lines).encode())
    assert_same(read_rig(tmp_path), rig, atol=2e-6)
    text = (tmp_path / "extri.yml").read_text().replace("R_1", "Q_1")
    (tmp_path / "extri.yml").write_text(text)
    assert_same(read_rig(tmp_path), rig, atol=2e-6)


def test_easymocap_without_image_size_takes_that_of_the_videos(tmp_path: Path) -> None:
    rig = varied_rig(("1", "2"))
    easymocap.write(rig, tmp_path)
    path = tmp_path / "intri.yml"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith(("H_", "W_"))))
    sizes = {"1": (1080, 1920), "2": (1080, 1920)}
    assert_same(read_rig(tmp_path, sizes), rig)
    (tmp_path / "extri.yml").unlink()
    for place in (tmp_path, path):
        assert set(read_intrinsics(place, sizes)) == {"1", "2"}
    with pytest.raises(InputError, match="how large") as refusal:
        read_intrinsics(path, {"1": (1080, 1920)})
    assert "W_2" in refusal.value.hint


def test_opencv_calibrations_are_named_after_their_files(tmp_path: Path) -> None:
    K, dist = np.array([[900, 0, 320.5], [0, 901, 240], [0, 0, 1.0]]), np.arange(5.0)[:, None] / 10
    for name in ("left", "right"):
        storage = cv2.FileStorage(str(tmp_path / f"{name}.yml"), cv2.FILE_STORAGE_WRITE)
        storage.write("image_width", 640)
        storage.write("image_height", 480)
        storage.write("camera_matrix", K)
        storage.write("distortion_coefficients", dist)
        storage.release()
    lenses = read_intrinsics(tmp_path)
    assert set(lenses) == {"left", "right"}
    np.testing.assert_array_equal(lenses["left"].K, K)
    np.testing.assert_array_equal(lenses["left"].dist, dist[:, 0])
    assert set(read_intrinsics(tmp_path / "left.yml")) == {"left"}
    text = (tmp_path / "left.yml").read_text()
    for line, message in (("fisheye_model: 1", "fisheye"), ("image_width: 0", "image size")):
        key = line.partition(":")[0]
        kept = "\n".join(row for row in text.splitlines() if not row.startswith(key))
        (tmp_path / "left.yml").write_text(f"{kept}\n{line}\n")
        with pytest.raises(InputError, match=message):
            read_intrinsics(tmp_path / "left.yml")


def stored(path: Path, entries: dict[str, Any]) -> Path:
    """What OpenCV itself writes: YAML, or XML by the suffix."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in entries.items():
        if isinstance(value, list):
            storage.startWriteStruct(key, cv2.FileNode_SEQ)
            for number in value:
                storage.write("", number)
            storage.endWriteStruct()
        else:
            storage.write(key, value)
    storage.release()
    return path


def opencv_entries(camera: Camera) -> list[dict[str, Any]]:
    """The same camera as different programs write it."""
    R, t = camera.cam_from_world.R, camera.cam_from_world.t
    size = [camera.width, camera.height]
    rvec = cv2.Rodrigues(R)[0]
    return [
        dict(
            image_width=size[0],
            image_height=size[1],
            camera_matrix=camera.K,
            distortion_coefficients=camera.dist[:, None],
            R=R,
            T=t[:, None],
        ),
        dict(
            imageSize=size, cameraMatrix=camera.K, distCoeffs=camera.dist[None], rvec=rvec, tvec=t
        ),
        dict(K=camera.K, D=camera.dist.tolist(), R=rvec[:, 0].tolist(), T=t.tolist()),
        dict(image_size=np.array(size), K=camera.K, dist_coeffs=camera.dist, R=rvec, Rot=R, t=t),
    ]


@pytest.mark.parametrize("suffix", ["yml", "yaml", "xml"])
def test_opencv_rigs_have_a_file_per_camera(tmp_path: Path, suffix: str) -> None:
    cameras = [make_camera(f"c{i}", 0.3 + i, 0.01 * i) for i in range(4)]
    for i, camera in enumerate(cameras):
        stored(tmp_path / f"{camera.name}.{suffix}", opencv_entries(camera)[i])
    (tmp_path / "notes.xml").write_text("<notes/>")  # of something else
    rig, sizes = make_rig(*cameras), {"c2": (1080, 1920)}
    assert_same(read_rig(tmp_path, sizes), rig)
    assert_same(read_rig(tmp_path / f"c1.{suffix}"), make_rig(cameras[1]))
    lenses = read_intrinsics(tmp_path, sizes)
    assert tuple(lenses) == rig.names
    np.testing.assert_array_equal(lenses["c2"].K, cameras[2].K)
    with pytest.raises(InputError, match="image size is missing"):
        read_intrinsics(tmp_path / f"c2.{suffix}")


def test_qualisys_in_xml_is_not_taken_for_opencv(tmp_path: Path) -> None:
    (tmp_path / "Calib.xml").write_text(QUALISYS.read_text())
    assert read_rig(tmp_path / "Calib.xml").names == read_rig(QUALISYS).names


def test_files_of_opencv_are_to_be_called_as_their_cameras(tmp_path: Path) -> None:
    entries = opencv_entries(make_camera("a", 0.3))[0]
    path = stored(tmp_path / "calibration.yml", entries)
    assert "call each as its camera" in renaming(path)
    assert renaming(tmp_path) == renaming(path)
    easymocap.write(varied_rig(("1", "2")), tmp_path)
    for place in (tmp_path, tmp_path / "intri.yml", tmp_path / "extri.yml"):
        assert renaming(place) == "rename the cameras in the file"
    assert renaming(QUALISYS) == "rename the cameras in the file"


@pytest.mark.parametrize(
    ("model", "parameters", "dist"),
    [
        ("SIMPLE_PINHOLE", "900 320.5 240.5", [0, 0, 0, 0, 0]),
        ("PINHOLE", "900 901 320.5 240.5", [0, 0, 0, 0, 0]),
        ("SIMPLE_RADIAL", "900 320.5 240.5 0.1", [0.1, 0, 0, 0, 0]),
        ("RADIAL", "900 320.5 240.5 0.1 0.2", [0.1, 0.2, 0, 0, 0]),
        ("OPENCV", "900 901 320.5 240.5 0.1 0.2 0.3 0.4", [0.1, 0.2, 0.3, 0.4, 0]),
        ("FULL_OPENCV", "9 9 320.5 240.5 .1 .2 .3 .4 .5 0 0 0", [0.1, 0.2, 0.3, 0.4, 0.5]),
    ],
)
def test_colmap_models(tmp_path: Path, model: str, parameters: str, dist: list[float]) -> None:
    (tmp_path / "cameras.txt").write_text(f"# comment\n7 {model} 641 481 {parameters}\n")
    poses = "\n1 1 0 0 0 0 0 5 7 one/000.png\n10 20 -1\n\n2 2 0 0 0 0 0 5 7 two/000.png"
    (tmp_path / "images.txt").write_text(f"# comment\n{poses}")
    rig = read_rig(tmp_path / "cameras.txt")
    assert rig.names == ("one", "two")  # pictures of one name: their folders are the cameras
    for camera in rig.cameras:
        np.testing.assert_array_equal(camera.K[:2, 2], [320, 240])
        np.testing.assert_array_equal(camera.dist, dist)
        np.testing.assert_array_equal(camera.cam_from_world.R, np.eye(3))
    assert rig.cameras[0].K[1, 1] == float(parameters.split()[("FULL" in model)]) + (
        model in ("PINHOLE", "OPENCV")
    )


def test_nerfstudio_lenses_may_stand_above_all_frames(tmp_path: Path) -> None:
    rig = make_rig(make_camera("a", 0.3, 0.01))
    nerfstudio.write(rig, tmp_path / "transforms.json")
    content = json.loads((tmp_path / "transforms.json").read_text())
    frame = content["frames"][0]
    k = {key: frame.pop(key) for key in ("k1", "k2", "k3", "p1", "p2")}
    shared = {key: frame.pop(key) for key in ("w", "h", "fl_x", "fl_y", "cx", "cy")}
    frame["distortion_params"] = [k["k1"], k["k2"], k["k3"], 0.0, k["p1"], k["p2"]]
    frame["transform_matrix"] = frame["transform_matrix"][:3]
    (tmp_path / "other.json").write_text(json.dumps({**shared, **content}))
    assert_same(read_rig(tmp_path / "other.json"), rig)
    assert_same(read_rig(tmp_path), rig)


def test_lenses_written_by_hand(tmp_path: Path) -> None:
    (tmp_path / "lenses.toml").write_text(
        "[a]\nsize = [1920, 1080]\nfocal_px = 1400\n"
        "[b]\nsize = [1920, 1080]\nfocal_px = [1400.0, 1410.0]\ncenter_px = [950.0, 530.0]\n"
        "distortions = [-0.2, 0.1, 0.0, 0.0, 0.01]\nfocal_sigma = 0.02\n"
    )
    lenses = read_intrinsics(tmp_path / "lenses.toml")
    a, b = lenses["a"], lenses["b"]
    assert a.K.tolist() == [[1400, 0, 959.5], [0, 1400, 539.5], [0, 0, 1]]
    assert (a.source, a.focal_sigma, a.dist.any()) == ("given", 0.0, False)
    assert b.K.tolist() == [[1400, 0, 950], [0, 1410, 530], [0, 0, 1]]
    assert (b.focal_sigma, b.dist.tolist()) == (0.02, [-0.2, 0.1, 0, 0, 0.01])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "neither 'matrix' nor 'focal_px'"),
        ("focal_px = [1, 2, 3]", "focal_px"),
        ("focal_px = -5.0", "calibration matrix"),
        ("focal_px = 9.0\nfocal_sigma = -0.1", "focal_sigma"),
        ("focal_px = 9.0\nsource = 'guess'", "source"),
        ("focal_px = 9.0\nfisheye = true", "fisheye"),
    ],
)
def test_wrong_lenses_are_refused(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "lenses.toml").write_text(f"[a]\nsize = [1920, 1080]\n{line}\n")
    with pytest.raises(InputError, match=message) as refusal:
        read_intrinsics(tmp_path / "lenses.toml")
    assert refusal.value.hint


def test_written_lenses_are_read(tmp_path: Path) -> None:
    K = np.array([[1400.1, 0, 950], [0, 1410, 530], [0, 0, 1]])
    lenses = {
        name: Intrinsics(1920, 1080, K + i, np.zeros(5) + i, source, 0.1 * i)
        for i, (name, source) in enumerate(
            [("a.b", "given"), ("metadata", "metadata"), ("東", "given")]
        )
    }
    for lens in lenses.values():
        lens.K[[1, 2, 2], [0, 0, 1]], lens.K[2, 2] = 0, 1
    lens_tables.write(lenses, tmp_path / "lenses.toml")
    found = read_intrinsics(tmp_path / "lenses.toml")
    assert list(found) == list(lenses)
    for name, lens in lenses.items():
        np.testing.assert_array_equal(found[name].K, lens.K)
        np.testing.assert_array_equal(found[name].dist, lens.dist)
        assert (found[name].source, found[name].focal_sigma) == (lens.source, lens.focal_sigma)


def test_projection_is_the_same_after_all_formats_in_turn(tmp_path: Path) -> None:
    rig = first = varied_rig()
    for module, name in ((aniposelib, "a.toml"), (nerfstudio, "n.json"), (colmap, "c")):
        module.write(rig, tmp_path / name)
        rig = read_rig(tmp_path / name)
    for before, after in zip(first.cameras, rig.cameras, strict=True):
        np.testing.assert_allclose(project(after, POINTS), project(before, POINTS), atol=1e-8)
