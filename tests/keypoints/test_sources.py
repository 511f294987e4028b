"""From folders to cameras."""

import json
from pathlib import Path

import numpy as np
import pytest
from trees import write_mmpose, write_openpose

from gentri.data import Keypoints2D, Timeline
from gentri.errors import InputError
from gentri.keypoints.gather import Frame, person_of, recording_of
from gentri.keypoints.sources import collect_keypoints, is_keypoints, list_source_files
from gentri.people.everyone import nobody
from gentri.skeletons import COCO17

ONE = [[np.ones((17, 3))]]


def test_a_pose2sim_project(tmp_path: Path) -> None:
    pose = tmp_path / "pose"
    for name in ("cam10", "cam2", "cam1"):
        write_openpose(pose / f"{name}_json", ONE, name + "_{:06d}.json")
        (pose / f"{name}_pose.mp4").touch()
    found = collect_keypoints([pose])
    assert list(found) == ["cam1", "cam2", "cam10"]
    assert found["cam2"] == pose / "cam2_json"
    with pytest.raises(InputError, match="holds no keypoint files; in it, these do: pose\n"):
        collect_keypoints([tmp_path])


def test_folders_and_files_may_be_given_themselves(tmp_path: Path) -> None:
    a = write_openpose(tmp_path / "a_json", ONE)
    b = write_mmpose(tmp_path / "elsewhere" / "b.json", ONE)
    assert collect_keypoints([b, a]) == {"a": a, "b": b}


def test_one_flat_folder_of_all_cameras(tmp_path: Path) -> None:
    for name in ("cam 1", "cam 2"):
        write_openpose(tmp_path, ONE, name + "_{:012d}_keypoints.json")
    assert collect_keypoints([tmp_path]) == {"cam_1": tmp_path, "cam_2": tmp_path}


def test_a_folder_of_predictions(tmp_path: Path) -> None:
    """Camera files that end in a number are not taken for frames."""
    for name in ("cam01", "cam02"):
        write_mmpose(tmp_path / f"{name}.json", [[], *ONE])
    assert collect_keypoints([tmp_path]) == {n: tmp_path / f"{n}.json" for n in ("cam01", "cam02")}


def test_a_folder_of_a_session(tmp_path: Path) -> None:
    for name in ("cam01", "cam02"):
        nobody(1, 1, (640, 480), COCO17).save(tmp_path / f"{name}.npz")
    (tmp_path / "stage.json").write_text(json.dumps({"fingerprint": "…"}))
    np.savez(tmp_path / "other.npz", a=np.zeros(1))
    assert list(collect_keypoints([tmp_path])) == ["cam01", "cam02"]


def test_one_file_of_all_cameras(tmp_path: Path) -> None:
    xy = np.zeros((2, 1, 17, 2), dtype=np.float32)
    size = np.full((2, 2), 100, dtype=np.int32)
    made = Keypoints2D(xy, xy[..., 0], np.zeros(1), ("left", "right"), size, COCO17)
    file = tmp_path / "all.npz"
    made.save(file)
    assert collect_keypoints([file]) == {"left": file, "right": file}


def test_a_first_frame_that_is_cut_off_does_not_hide_the_others(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_openpose(tmp_path / name, ONE * 3)
        (tmp_path / name / "000000_keypoints.json").write_text('{"vers')
    assert list(collect_keypoints([tmp_path])) == ["a", "b"]


def refused(*paths: Path) -> str:
    with pytest.raises(InputError) as caught:
        collect_keypoints(paths)
    assert caught.value.hint
    return str(caught.value)


def test_what_cannot_serve_is_refused(tmp_path: Path) -> None:
    assert "absent does not exist" in refused(tmp_path / "absent")
    empty = tmp_path / "empty"
    (empty / "deep").mkdir(parents=True)
    (empty / "notes.json").write_text('{"author": "me"}')
    (empty / ".hidden.json").write_text('{"people": []}')
    assert f"{empty} holds no keypoint files\n  → OpenPose, Pose2Sim: a folder" in refused(empty)
    one = write_openpose(tmp_path / "one" / "cam01_json", ONE)
    assert f"only one camera was found: {one}; 3D needs" in refused(one.parent)
    assert "is not the keypoint file of a camera" in refused(one / "000000_keypoints.json")
    assert "is not a keypoint file of gentri" in refused(_text(tmp_path / "text.npz"))


def test_the_frames_of_a_session_are_not_keypoints(tmp_path: Path) -> None:
    """Neither its timeline nor what it keeps of keypoint files; those in detect are meant."""
    frames, detect = tmp_path / "frames", tmp_path / "detect"
    names, times = ("cam01", "cam02"), (np.zeros(1),) * 2
    for folder in (detect, *(frames / name for name in names)):
        folder.mkdir(parents=True)
    Timeline(names, times, np.full((2, 2), 9, np.int32)).save(frames / "timeline.npz")
    for name in names:
        nobody(1, 1, (640, 480), COCO17).save(detect / f"{name}.npz")
        seen = person_of(np.ones((17, 2)), None)
        frame = Frame(0, [seen], frames)
        recording_of([frame]).save(frames / name / "keypoints.npz")
    said = refused(frames)
    assert f"{frames} holds no keypoint files; beside it, this does: {detect}" in said
    assert "timeline.npz is not a keypoint file" in refused(frames / "timeline.npz")
    assert f"give the folder itself: --keypoints {detect}" in refused(tmp_path)


def _text(path: Path) -> Path:
    path.write_text("text")
    return path


def test_two_cameras_of_one_name(tmp_path: Path) -> None:
    a = write_openpose(tmp_path / "one" / "Cam_json", ONE)
    b = write_mmpose(tmp_path / "two" / "cam.json", ONE)
    assert "two cameras have the same name: " in refused(a, b)
    for name in ("cam a", "cam+a"):
        write_openpose(tmp_path / "three", ONE, name + "_{}.json")
    assert "two cameras have the same name: " in refused(tmp_path / "three")


def test_several_cameras_in_a_sub_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_openpose(tmp_path / "take1", ONE, name + "_{:06d}.json")
    write_openpose(tmp_path / "c_json", ONE)
    assert f"--keypoints {tmp_path / 'take1'}" in refused(tmp_path)


def test_what_a_source_holds(tmp_path: Path) -> None:
    folder = write_openpose(tmp_path / "cam", ONE)
    assert is_keypoints(folder) and is_keypoints(tmp_path / "cam.npz")
    assert not is_keypoints(tmp_path / "cam.mp4") and not is_keypoints(tmp_path)
    assert [p.name for p in list_source_files(folder)] == ["000000_keypoints.json"]
    (folder / "0.png").touch()
    assert not is_keypoints(folder)
    assert [p.name for p in list_source_files(folder)] == ["0.png"]
