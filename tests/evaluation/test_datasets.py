"""Which files of a folder are which, and what is said where one is missing."""

from pathlib import Path

import h36m_files as files
import numpy as np
import pytest

from gentri.errors import InputError, UsageError
from gentri.evaluation import datasets
from gentri.evaluation.datasets import camera_numbers, read_human36m, read_panoptic
from gentri.evaluation.human36m_cameras import CAMERAS

ALL = (0, 1, 2, 3)
FRAMES = np.arange(0, 20, 5)


@pytest.fixture
def videopose(tmp_path: Path) -> Path:
    clips = dict(zip([("S9", "Walking"), ("S11", "Eating")], files.people(2, 20), strict=True))
    files.write_videopose(tmp_path, clips)
    files.write_camera_json(tmp_path / "camera-parameters.json", ["S9", "S11"])
    return tmp_path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    clips = {("S9", "Walking-1"): files.people(1, len(FRAMES))[0]}
    files.write_labels(tmp_path / "human36m-multiview-labels-GTbboxes.npy", clips, FRAMES)
    for camera in files.rig().cameras:
        folder = tmp_path / "found" / "S9" / "Walking-1" / camera.name
        files.write_openpose(folder, camera, list(clips.values()), FRAMES + 1)
    return tmp_path


def test_files_of_videopose_are_found(videopose: Path) -> None:
    s9, s11 = read_human36m(videopose, None, ALL)
    assert (s9.name, s11.name) == ("S9", "S11") and s9.rig.names == CAMERAS
    (s11,) = read_human36m(videopose, videopose / "data_2d_h36m_gt.npz", (3, 1), ("S11",))
    assert s11.rig.names == (CAMERAS[3], CAMERAS[1])


def test_labels_go_with_a_folder_of_keypoints(labelled: Path) -> None:
    (s9,) = read_human36m(labelled, labelled / "found", (2, 0), ("S9",))
    assert s9.rig.names == (CAMERAS[2], CAMERAS[0])
    assert len(s9.clip) == len(FRAMES)
    with pytest.raises(InputError, match=r"has labels, and no detections.*\n.*--keypoints DIR"):
        read_human36m(labelled, None, ALL)


def test_trees_of_3d_pose_baseline_are_found(tmp_path: Path) -> None:
    clips = {("S9", "Walking"): files.people(1, 20)[0]}
    files.write_tree(tmp_path / "here", clips)
    files.write_tree(tmp_path / "there", clips)
    files.write_camera_json(tmp_path / "here" / "camera-parameters.json", ["S9"])
    for keypoints in (None, tmp_path / "there"):
        (s9,) = read_human36m(tmp_path / "here", keypoints, (3, 1), ("S9",))
        assert s9.rig.names == (CAMERAS[3], CAMERAS[1])


def test_folders_that_do_not_exist_are_named(tmp_path: Path) -> None:
    nope = tmp_path / "nope"
    for read in (read_human36m, read_panoptic):
        with pytest.raises(InputError, match=r"nope does not exist\n.*--data"):
            read(nope, None, (0, 1))
        with pytest.raises(InputError, match=r"nope does not exist\n.*--keypoints"):
            read(tmp_path, nope, (0, 1))


def test_what_is_missing_or_there_twice_is_said(videopose: Path) -> None:
    (videopose / "data_2d_h36m_cpn.npz").write_bytes(b"")
    with pytest.raises(InputError, match=r"several files with detections: .*cpn.npz, .*gt.npz"):
        read_human36m(videopose, None, ALL)
    (videopose / "data_2d_h36m_cpn.npz").unlink()
    (videopose / "camera-parameters.json").unlink()
    with pytest.raises(InputError, match=r"no file with cameras\n.*put camera-parameters\.json or"):
        read_human36m(videopose, None, ALL)
    with pytest.raises(InputError, match=r"no file with the labels"):
        read_human36m(videopose, videopose, ALL)
    with pytest.raises(InputError, match=r"Human3\.6M has no camera 4"):
        read_human36m(videopose, None, (0, 4))


def test_sequences_of_panoptic_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(datasets.panoptic, "read_sequence", lambda *given: read.append(given))
    keypoints = tmp_path / "keypoints"
    keypoints.mkdir()
    for name in ("b", "a", "else"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="is no sequence of CMU Panoptic and holds none"):
        read_panoptic(tmp_path, keypoints, (1, 2))
    for name in ("b", "a"):
        (tmp_path / name / f"calibration_{name}.json").write_text("{}")
    read_panoptic(tmp_path, keypoints, (1, 2))
    assert read == [(tmp_path / name, keypoints / name, (1, 2)) for name in ("a", "b")]
    read.clear()
    read_panoptic(tmp_path / "b", keypoints, (3, 6))
    assert read == [(tmp_path / "b", keypoints, (3, 6))]
    with pytest.raises(InputError, match=r"no 2D detections of its own\n.*--keypoints DIR"):
        read_panoptic(tmp_path, None, (1, 2))


def test_cameras_by_name_and_number() -> None:
    assert camera_numbers("human36m", None) == ALL
    assert camera_numbers("panoptic", None) == (1, 2, 3, 4, 6, 7, 10)
    assert camera_numbers("panoptic", "CMU3") == (10, 12, 16, 18)
    assert camera_numbers("panoptic", "3,12") == (3, 12)
    with pytest.raises(UsageError, match=r"'CMU1' names no cameras of human36m\n.*known: H36M"):
        camera_numbers("human36m", "CMU1")
    for text in ("3", "3,3"):
        with pytest.raises(UsageError, match="two or more different ones"):
            camera_numbers("panoptic", text)
