"""Files that are not what they seem: the message says what was found, the hint what to do."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenes import make_camera, make_rig, varied_rig

from gentri.errors import InputError
from gentri.rigs import native
from gentri.rigs.formats import WRITERS, read_intrinsics, read_rig

K = "matrix = [[900.0, 0, 540], [0, 900, 960], [0, 0, 1]]\n"
CAMERA = f'[a]\nname = "a"\nsize = [1080.0, 1920.0]\n{K}'
POSE = "rotation = [0.1, 0.2, 0.3]\ntranslation = [0.0, 0.0, 5.0]\n"
PLAIN = f"{CAMERA}distortions = [0.1, 0.0, 0.0, 0.0]\n{POSE}fisheye = false\n"

TOML = {
    "fisheye": (PLAIN.replace("fisheye = false", "fisheye = true"), "fisheye"),
    "six coefficients": (PLAIN.replace("0.0, 0.0]\nrot", "0, 0, 0, 0.1, 0, 0]\nrot"), "more than"),
    "three coefficients": (PLAIN.replace("[0.1, 0.0, 0.0, 0.0]", "[0.1, 0.0, 0.0]"), "3 dist"),
    "NaN": (PLAIN.replace("5.0]", "nan]"), "NaN"),
    "words": (PLAIN.replace("5.0]", '"five"]'), "numbers"),
    "focal length 0": (PLAIN.replace("[[900.0, 0", "[[0.0, 0"), "calibration matrix"),
    "K transposed": (PLAIN.replace("[0, 0, 1]]", "[540, 960, 1]]"), "calibration matrix"),
    "shape of K": (PLAIN.replace("[0, 0, 1]]", "[0, 0, 1, 0]]"), "the matrix"),
    "half a pixel": (PLAIN.replace("1080.0", "1080.5"), "image size"),
    "no size": (PLAIN.replace("size", "sise"), "'size' is missing"),
    "no pose": (CAMERA, "'rotation' is missing"),
    "two of one name": (PLAIN + PLAIN.replace("[a]", "[b]"), "two cameras named 'a'"),
    "no camera": ("[metadata]\nerror = 0.0\n", "no camera"),
    "not TOML": (PLAIN + "oops\n", "not valid TOML"),
    "a text that is not UTF-8": ("[a]\nname = \udce4", "not a text file"),
    "half a rig.toml": ("[[camera]]\nname = 'a'\n", "not a complete rig.toml"),
}


def refused(read: Callable[[Path], object], path: Path, message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        read(path)
    assert refusal.value.hint
    assert str(path.parent) in refusal.value.message


@pytest.mark.parametrize(("text", "message"), TOML.values(), ids=TOML)
def test_toml(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rig.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    refused(read_rig, path, message)


def test_the_plain_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text(PLAIN)
    assert read_rig(tmp_path / "rig.toml").cameras[0].dist.tolist() == [0.1, 0, 0, 0, 0]


def test_coefficients_beyond_the_fifth_may_be_zero(tmp_path: Path) -> None:
    text = PLAIN.replace("[0.1, 0.0, 0.0, 0.0]", "[0.1, 0, 0, 0, 0.3, 0, 0, 0]")
    (tmp_path / "rig.toml").write_text(text)
    assert read_rig(tmp_path / "rig.toml").cameras[0].dist.tolist() == [0.1, 0, 0, 0, 0.3]


def write(kind: str, folder: Path) -> Path:
    writer = WRITERS[kind]
    writer.write(
        make_rig(make_camera("a", 0.3, 0.01), make_camera("b", 2.0)), folder / writer.target
    )
    return folder / writer.target


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


EASYMOCAP = {
    "no size": ("intri.yml", "W_a: 1080", "", "how large"),
    "no K": ("intri.yml", "K_a", "k_a", "'K_a' is missing"),
    "no distortion": ("intri.yml", "dist_a", "d_a", "'dist_a' is missing"),
    "no T": ("extri.yml", "T_a", "t_a", "'T_a' is missing"),
    "not YAML": ("intri.yml", "names:\n", "names: [\n", "not a file of OpenCV"),
    "broken": ("extri.yml", "rows: 3", "rows: 7", "'R_a' is not a whole matrix"),
}


@pytest.mark.parametrize(("file", "old", "new", "message"), EASYMOCAP.values(), ids=EASYMOCAP)
def test_easymocap(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    folder = write("easymocap", tmp_path)
    edit(folder / file, old, new)
    refused(read_rig, folder, message)


OPENCV = {
    "no K": ("camera_matrix", "camera_metrics", "'camera_matrix' is missing"),
    "no distortion": ("distortion_coefficients", "d", "'distortion_coefficients' is missing"),
    "no size": ("image_width", "image_breadth", "image size is missing"),
    "no R": ("R:", "Q:", "'R' is missing, so it is a lens without a place"),
    "no T": ("T:", "S:", "'T' is missing"),
    "broken": ("rows: 3", "rows: 7", "not a whole matrix"),
    "no rotation": (
        "R: !!opencv-matrix\n  rows: 3\n  cols: 3",
        "R: [1, 2]\nX:\n  r: 3",
        "rotation",
    ),
    "not YAML": ("%YAML:1.0\n---", "cam: [", "not a file of OpenCV"),
}


@pytest.mark.parametrize(("old", "new", "message"), OPENCV.values(), ids=OPENCV)
def test_opencv(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write("opencv", tmp_path) / "a.yml"
    edit(path, old, new)
    refused(read_rig, path, message)
    refused(read_rig, path.parent, message)


def test_a_folder_of_opencv_with_two_files_of_a_camera(tmp_path: Path) -> None:
    folder = write("opencv", tmp_path)
    (folder / "a.yaml").write_text((folder / "a.yml").read_text())
    refused(read_rig, folder, "two cameras named 'a'")
    refused(read_intrinsics, folder, "two cameras named 'a'")


def test_no_file_is_missed_that_nobody_gave(tmp_path: Path) -> None:
    path = tmp_path / "stereo.yml"
    path.write_text("%YAML:1.0\n---\nM1: 1\n")
    for read in (read_rig, read_intrinsics):
        with pytest.raises(
            InputError, match=r"stereo\.yml: .*'camera_matrix' is missing"
        ) as refusal:
            read(path)
        assert "cameraMatrix or K" in refusal.value.hint
    (tmp_path / "stereo.yml").rename(tmp_path / "intri.yml")
    refused(read_rig, tmp_path, "no rig")


COLMAP = {
    "another lens": ("cameras.txt", "FULL_OPENCV", "THIN_PRISM_FISHEYE", "lens model"),
    "rational lens": ("cameras.txt", "0.0 0.0 0.0\n", "0.1 0.0 0.0\n", "more than five"),
    "a number less": ("cameras.txt", "0.0 0.0 0.0\n", "0.0 0.0\n", "shape"),
    "a camera less": ("images.txt", " 1 a.jpg", " 7 a.jpg", "'7' is missing"),
    "a word less": ("images.txt", " 1 a.jpg", " a.jpg", "is not a picture"),
    "two of a camera": ("images.txt", "b.jpg", "a.jpg", "several pictures"),
}


@pytest.mark.parametrize(("file", "old", "new", "message"), COLMAP.values(), ids=COLMAP)
def test_colmap(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    folder = write("colmap", tmp_path)
    edit(folder / file, old, new)
    refused(read_rig, folder, message)


def test_a_binary_colmap_model(tmp_path: Path) -> None:
    (tmp_path / "cameras.bin").write_bytes(b"\0")
    with pytest.raises(InputError, match="binary") as refusal:
        read_rig(tmp_path)
    assert "model_converter" in refusal.value.hint


NERFSTUDIO = {
    "fisheye": ('"OPENCV"', '"OPENCV_FISHEYE"', "camera_model"),
    "k4": ('"k3"', '"k4"', "k4"),
    "no size": ('"w"', '"v"', "'w' is missing"),
    "no focal length": ('"fl_x"', '"f"', "'fl_x' is missing"),
    "no frames": ('"frames"', '"views"', "no list 'frames'"),
    "not JSON": ('"frames"', "frames", "not valid JSON"),
    "ragged rows": (" 0.0,\n     1.0\n", " 1.0\n", "transform_matrix"),
}


@pytest.mark.parametrize(("old", "new", "message"), NERFSTUDIO.values(), ids=NERFSTUDIO)
def test_nerfstudio(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write("nerfstudio", tmp_path)
    edit(path, old, new)
    refused(read_rig, path, message)


@pytest.mark.parametrize(("scale", "why"), [((1, 1, -1), "mirrored"), ((2, 2, 2), "stretched")])
def test_what_stretches_or_mirrors_is_no_rotation(tmp_path: Path, scale: tuple, why: str) -> None:
    path = write("nerfstudio", tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    matrix = np.array(content["frames"][0]["transform_matrix"])
    content["frames"][0]["transform_matrix"] = (matrix * [*scale, 1]).tolist()
    path.write_text(json.dumps(content), encoding="utf-8")
    refused(read_rig, path, "rotation is not one")


def test_what_is_not_there_or_no_rig(tmp_path: Path) -> None:
    refused(read_rig, tmp_path / "no.toml", "does not exist")
    refused(read_intrinsics, tmp_path / "no.toml", "does not exist")
    (tmp_path / "empty").mkdir()
    refused(read_rig, tmp_path / "empty", "no rig")
    refused(read_intrinsics, tmp_path / "empty", "no rig")
    (tmp_path / "notes.txt").write_text("cameras are fine")
    refused(read_rig, tmp_path / "notes.txt", "no rig")


def test_a_folder_of_two_rigs(tmp_path: Path) -> None:
    for name in ("colmap", "easymocap"):
        WRITERS[name].write(varied_rig(), tmp_path)
    refused(read_rig, tmp_path, "several rigs")
    assert len(read_rig(tmp_path / "intri.yml").cameras) == 5
    assert len(read_rig(tmp_path / "images.txt").cameras) == 5


def test_a_folder_of_gentri(tmp_path: Path) -> None:
    native.write(varied_rig(), tmp_path / "rig.toml")
    assert len(read_rig(tmp_path).cameras) == len(read_intrinsics(tmp_path)) == 5
    WRITERS["nerfstudio"].write(varied_rig(), tmp_path / "transforms.json")
    refused(read_rig, tmp_path, "several rigs: transforms.json, rig.toml")
