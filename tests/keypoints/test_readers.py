"""Every layout gives the same people; what is damaged is named."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from trees import write_mmpose, write_openpose

from gentri.data import Detections, Keypoints2D
from gentri.errors import InputError
from gentri.keypoints.recording import Recording
from gentri.keypoints.sources import read_recording
from gentri.people.everyone import nobody
from gentri.skeletons import COCO17, SKELETONS

RNG = np.random.default_rng(0)


def person(joints: int = 17) -> np.ndarray:
    """Rows of x, y, score."""
    xy = RNG.uniform(10, 900, (joints, 2)).round(2)
    return np.concatenate([xy, RNG.uniform(0.2, 0.9, (joints, 1)).round(3)], axis=1)


def assert_people(found: Recording, frames: list[list[np.ndarray]]) -> None:
    assert found.count.tolist() == [len(people) for people in frames]
    for (xy, score, box, track), people in zip(found.frames(), frames, strict=True):
        assert (track == -1).all()
        for i, rows in enumerate(people):
            np.testing.assert_array_equal(xy[i], rows[:, :2].astype(np.float32))
            np.testing.assert_array_equal(score[i], rows[:, 2].astype(np.float32))
            np.testing.assert_array_equal(box[i, :2], xy[i].min(axis=0))
            np.testing.assert_array_equal(box[i, 2:], xy[i].max(axis=0))


@pytest.fixture
def frames() -> list[list[np.ndarray]]:
    """One, two, nobody, one."""
    return [[person()], [person(), person()], [], [person()]]


def test_openpose(tmp_path: Path, frames: list[list[np.ndarray]]) -> None:
    found = read_recording(write_openpose(tmp_path / "cam01_json", frames), "cam01")
    assert_people(found, frames)
    assert found.number.tolist() == [0, 1, 2, 3]
    assert (found.skeleton, found.joints, found.size_px.tolist()) == ("", (), [0, 0])


@pytest.mark.parametrize("meta", [None, {"dataset_name": "coco"}])
def test_mmpose(tmp_path: Path, frames: list[list[np.ndarray]], meta: dict | None) -> None:
    found = read_recording(write_mmpose(tmp_path / "cam01.json", frames, meta), "cam01")
    assert_people(found, frames)


def test_mmpose_tells_the_names_of_joints(tmp_path: Path) -> None:
    meta = {"keypoint_id2name": {str(i): j for i, j in enumerate(COCO17.joints)}}
    found = read_recording(write_mmpose(tmp_path / "a.json", [[person()]], meta), "a")
    assert found.joints == COCO17.joints


def test_mmpose_of_pictures(tmp_path: Path, frames: list[list[np.ndarray]]) -> None:
    """A folder of pictures gives one file each, a bare list of instances."""
    whole = json.loads(write_mmpose(tmp_path / "whole.json", frames).read_text())
    (tmp_path / "cam01").mkdir()
    for number, frame in enumerate(whole):
        (tmp_path / "cam01" / f"{number:06d}.json").write_text(json.dumps(frame["instances"]))
    assert_people(read_recording(tmp_path / "cam01", "cam01"), frames)


def test_gentris_own_npz_comes_back_as_it_was(tmp_path: Path) -> None:
    seen = nobody(3, 2, (640, 480), COCO17)
    for frame, slot, track in ((0, 0, 4), (2, 0, 7), (2, 1, 4)):
        rows = person().astype(np.float32)
        seen.xy_px[frame, slot], seen.score[frame, slot] = rows[:, :2], rows[:, 2]
        seen.box_px[frame, slot], seen.track[frame, slot] = (1, 2, 3, 4), track
    seen.save(tmp_path / "cam01.npz")
    found = read_recording(tmp_path / "cam01.npz", "cam01")
    assert found.count.tolist() == [1, 0, 2]
    assert found.track.tolist() == [4, 7, 4]
    np.testing.assert_array_equal(found.xy_px, seen.xy_px[seen.track >= 0])
    np.testing.assert_array_equal(found.box_px, seen.box_px[seen.track >= 0])
    assert (found.skeleton, found.size_px.tolist()) == ("coco17", [640, 480])


def test_one_person_in_all_cameras(tmp_path: Path) -> None:
    xy = RNG.uniform(0, 400, (2, 4, 17, 2)).astype(np.float32)
    xy[1, 2], xy[0, 0, 5] = np.nan, np.nan
    score = np.full(xy.shape[:3], np.nan, dtype=np.float32)  # scores may be absent
    time_s = np.array([0.0, 0.1, 0.25, 0.3])
    size = np.array([[640, 480], [800, 600]], dtype=np.int32)
    made = Keypoints2D(xy, score, time_s, ("a", "b c"), size, COCO17)
    made.save(tmp_path / "all.npz")
    again = Keypoints2D.load(tmp_path / "all.npz")
    np.testing.assert_array_equal(again.xy_px, xy)
    assert (again.cameras, again.skeleton) == (("a", "b c"), COCO17)
    a, b = (read_recording(tmp_path / "all.npz", name) for name in ("a", "b_c"))
    assert (a.count.tolist(), b.count.tolist()) == ([1, 1, 1, 1], [1, 1, 0, 1])
    np.testing.assert_array_equal(b.xy_px, xy[1, [0, 1, 3]])
    assert np.isnan(a.score[0, 5]) and np.nanmin(a.score) == np.nanmax(b.score) == 1
    assert b.size_px.tolist() == [800, 600]
    np.testing.assert_array_equal(b.time_s, time_s)
    np.testing.assert_array_equal(b.select(np.array([0, 0, 1, 1], bool)).time_s, time_s[2:])


def test_numbers_in_names_are_the_clock(tmp_path: Path) -> None:
    for number in (98, 99, 100, 103):  # no file for 101 and 102
        write_openpose(tmp_path, [[person()]], "GX01_{}_keypoints.json", number)
    found = read_recording(tmp_path, "any")
    assert found.number.tolist() == list(range(98, 104))
    assert found.count.tolist() == [1, 1, 1, 0, 0, 1]


def test_cameras_in_one_folder(tmp_path: Path) -> None:
    left, right = [[person()], [person()]], [[person()]]
    write_openpose(tmp_path, left, "left_{:012d}_keypoints.json")
    write_openpose(tmp_path, right, "right_{:012d}_keypoints.json")
    assert_people(read_recording(tmp_path, "left"), left)
    assert_people(read_recording(tmp_path, "right"), right)
    with pytest.raises(InputError, match="no keypoint files of middle, but of: left, right"):
        read_recording(tmp_path, "middle")


def test_what_was_not_detected_is_nan(tmp_path: Path) -> None:
    rows = person()
    rows[3] = 0  # OpenPose
    rows[5, 2] = 0
    frames = [[rows, np.zeros((17, 3))]]  # a person of whom nothing was found is nobody
    found = read_recording(write_openpose(tmp_path / "o", frames), "o")
    assert found.count.tolist() == [1]
    absent = np.isnan(found.xy_px[0]).all(-1)
    assert np.flatnonzero(absent).tolist() == [3, 5]
    np.testing.assert_array_equal(absent, np.isnan(found.score[0]))
    assert np.isfinite(found.box_px).all()


@pytest.mark.parametrize("joints", sorted({len(s) for s in SKELETONS.values()}))
@pytest.mark.parametrize("layout", ["openpose", "mmpose"])
def test_scores_may_be_absent(tmp_path: Path, layout: str, joints: int) -> None:
    rows = person(joints)[:, :2]
    rows[4] = 0
    if layout == "openpose":
        path = write_openpose(tmp_path / "cam", [[rows]])
    else:
        path = write_mmpose(tmp_path / "cam.json", [[rows]])
    found = read_recording(path, "cam")
    assert found.score.shape == (1, joints)
    assert np.flatnonzero(np.isnan(found.score[0])).tolist() == [4]
    assert (found.score[0, np.isfinite(found.score[0])] == 1).all()


def test_null_is_not_detected_and_scores_end_at_one(tmp_path: Path) -> None:
    path = write_mmpose(tmp_path / "a.json", [[person()]])
    content = json.loads(path.read_text())
    instance = content[0]["instances"][0]
    instance["keypoints"][2] = [None, None]
    instance["keypoint_scores"][3] = 1.07
    path.write_text(json.dumps(content))
    found = read_recording(path, "a")
    assert np.isnan(found.score[0, 2]) and found.score[0, 3] == 1


@pytest.mark.parametrize("layout", ["openpose", "mmpose", "detections", "keypoints"])
def test_scores_in_per_cent(tmp_path: Path, layout: str) -> None:
    rows = person()
    rows[:, 2] *= 100
    if layout == "openpose":
        path = write_openpose(tmp_path / "cam", [[rows]])
    elif layout == "mmpose":
        path = write_mmpose(tmp_path / "cam.json", [[rows]])
    elif layout == "detections":
        path = tmp_path / "cam.npz"
        seen = nobody(1, 1, (999, 999), COCO17)
        seen.xy_px[0, 0], seen.score[0, 0], seen.track[0, 0] = rows[:, :2], rows[:, 2], 3
        seen.save(path)
    else:
        path = tmp_path / "all.npz"
        xy, score = (
            np.stack([v, v])[:, None].astype(np.float32) for v in (rows[:, :2], rows[:, 2])
        )
        size = np.full((2, 2), 999, dtype=np.int32)
        Keypoints2D(xy, score, np.zeros(1), ("cam", "b"), size, COCO17).save(path)
    found = read_recording(path, "cam")
    np.testing.assert_allclose(found.score[0], rows[:, 2] / 100, rtol=1e-5)
    assert re.fullmatch(r"scores reach [\d.]+: they are taken as per cent", found.said_of_scores)


def test_times_that_do_not_ascend(tmp_path: Path) -> None:
    xy = np.ones((2, 3, 17, 2), dtype=np.float32)
    size = np.full((2, 2), 999, dtype=np.int32)
    arrays = {"xy_px": xy, "score": xy[..., 0], "size_px": size, "skeleton": "coco17"}
    np.savez(tmp_path / "all.npz", **arrays, cameras=["a", "b"], time_s=[0.0, 0.2, 0.1])
    with pytest.raises(InputError, match=r"all\.npz: time_s .*: tick 2 is at 0\.1 s, after 0\.2 s"):
        read_recording(tmp_path / "all.npz", "a")


def damaged(folder: Path, text: str) -> Path:
    """A folder of three frames, the middle one with this content."""
    write_openpose(folder, [[person()]] * 3, "cam_{:03d}.json")
    (folder / "cam_001.json").write_text(text)
    return folder


DAMAGES = {
    '{"version": 1.3, "people": [{"pose_keyp': r"cam_001\.json is not valid JSON, or is cut off",
    "": r"cam_001\.json is not valid JSON",
    '{"version": 1.3}': r"cam_001\.json does not hold keypoints",
    '{"people": [3]}': r"cam_001\.json does not hold keypoints .*stands in another one's place",
    '{"people": [{"pose_keypoints_2d": [1, 2, 3, 4]}]}': "4 numbers in pose_keypoints_2d",
    '{"people": [{"pose_keypoints_2d": ["a", 1, 1]}]}': r"cam_001\.json does not hold",
    '{"people": [{"pose_keypoints_2d": [1,2,1,3,4,1]}]}': "frame 1 has 2 joints; in .* have 17",
    '{"people": 3}': r"cam_001\.json does not hold",
    "3": r"cam_001\.json does not hold",
}


@pytest.mark.parametrize("text", DAMAGES)
def test_a_damaged_frame_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=DAMAGES[text]) as caught:
        read_recording(damaged(tmp_path / "cam", text), "cam")
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        '{"people": null}',
        '{"people": [{}]}',
        '{"people": [{"pose_keypoints_2d": null}, {"face_keypoints_2d": [1, 2, 1]}]}',
        '{"instance_info": null}',
        '[{"bbox": [[1, 2, 3, 4]]}]',
    ],
)
def test_people_without_keypoints_are_nobody(tmp_path: Path, text: str) -> None:
    assert read_recording(damaged(tmp_path / "cam", text), "cam").count.tolist() == [1, 0, 1]


MMPOSE_DAMAGES = {
    '[{"frame_id": 0, "inst': "not valid JSON, or is cut off",
    "[]": "no frame is in it",
    '{"meta_info": {}}': "does not hold keypoints .*'instance_info' is missing",
    '[{"frame_id": 0}]': "does not hold keypoints .*instances",
    '[{"frame_id": 0, "instances": [{"keypoints": [[1, 2, 3]]}]}]': (
        r"joints are of shape \(1, 3\), needed x and y each, and scores .* \(keypoint_scores\)"
    ),
    '[{"frame_id": 0, "instances": [{"keypoints": [[1, 2]], "keypoint_scores": [1, 1]}]}]': (
        "2 scores for 1 joints"
    ),
    '[{"frame_id": 1, "instances": []}, {"frame_id": 1, "instances": []}]': "frame 1 is there tw",
    '[{"frame_id": 1, "instances": []}]': "nobody is in any of the 1 frames of .*a.json",
}


@pytest.mark.parametrize("text", MMPOSE_DAMAGES)
def test_a_damaged_file_of_predictions_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=MMPOSE_DAMAGES[text]):
        read_recording(tmp_path / "a.json", "a")


def test_numbers_that_are_no_frame_numbers(tmp_path: Path) -> None:
    for number in (20240101120000, 20240101120959):
        write_openpose(tmp_path, [[person()]], "{}.json", number)
    assert len(read_recording(tmp_path, "a").count) == 960
    write_openpose(tmp_path, [[person()]], "{}.json", 3)
    with pytest.raises(InputError, match=r"3 frames have numbers from 3 \(3\.json\) to 2024"):
        read_recording(tmp_path, "a")


def test_a_frame_that_is_there_twice(tmp_path: Path) -> None:
    write_openpose(tmp_path, [[person()]], "cam_{:03d}.json", 1)
    write_openpose(tmp_path, [[person()]], "cam_{:05d}.json", 1)
    with pytest.raises(InputError, match=r"frame 1 is there twice: in .*cam_00001\.json and"):
        read_recording(tmp_path, "cam")


def test_an_npz_of_something_else(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(InputError, match=r"is not a keypoint file of gentri: found a\n"):
        read_recording(tmp_path / "other.npz", "other")
    (tmp_path / "other.npz").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(InputError, match="is not a keypoint file of gentri"):
        read_recording(tmp_path / "other.npz", "other")
    nobody(3, 0, (640, 480), COCO17).save(tmp_path / "empty.npz")
    assert Detections.load(tmp_path / "empty.npz").track.shape == (3, 0)
    with pytest.raises(InputError, match="nobody is in any frame of"):
        read_recording(tmp_path / "empty.npz", "empty")


def test_a_recording_is_stored_as_it_is(tmp_path: Path, frames: list[list[np.ndarray]]) -> None:
    found = read_recording(write_openpose(tmp_path / "c", frames), "c")
    found.save(tmp_path / "c.npz")
    again = Recording.load(tmp_path / "c.npz")
    for name, value in vars(found).items():
        np.testing.assert_array_equal(getattr(again, name), value)
