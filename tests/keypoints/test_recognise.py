"""Which joint set, and how large the picture."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trees import openpose_clip

from gentri.errors import InputError, UsageError
from gentri.keypoints.gather import Frame, person_of, recording_of
from gentri.keypoints.recognise import doubt_set, limb_share, recognise
from gentri.keypoints.recording import Recording
from gentri.keypoints.sizes import doubt_sizes, is_size, sizes_of, spread_of
from gentri.skeletons import BODY25, BODY25B, COCO17, H36M17, HALPE26, SKELETONS, Skeleton

FILE = Path("cam.json")


def recording(people: np.ndarray, joints: tuple[str, ...] = ()) -> Recording:
    """People (T, J, 3), one per frame."""
    frames = [Frame(t, [person_of(p[:, :2], p[:, 2])], FILE) for t, p in enumerate(people)]
    return recording_of(frames, joints)


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """OpenPose BODY_25B of the demo clip: (T, 25, 3)."""
    return np.array([frame[0] for frame in openpose_clip()["cam03"]])


def as_set(clip: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """The same people in another joint set; what BODY_25B lacks lies between what it has."""
    at = {joint: clip[:, i] for i, joint in enumerate(BODY25B.joints)}
    at["hip"] = (at["left_hip"] + at["right_hip"]) / 2
    at["neck"] = at["thorax"] = (at["left_shoulder"] + at["right_shoulder"]) / 2
    at["spine"] = (at["hip"] + at["neck"]) / 2
    at["neck_base"] = at["upper_neck"]
    return np.stack([at[joint] for joint in skeleton.joints], axis=1)


@pytest.mark.parametrize("name", [n for n in SKELETONS if n != "wholebody133"])
def test_real_people_are_recognised(clip: np.ndarray, name: str) -> None:
    found = recognise({"a": recording(as_set(clip, SKELETONS[name]))}, "auto")
    assert found.skeleton.name == name


@pytest.mark.parametrize("camera", ["cam01", "cam02", "cam03", "cam04"])
def test_who_stands_still_is_recognised(camera: str) -> None:
    """All limbs hang down: the case in which COCO's wrong order is as good as the right one."""
    still = np.array([f[0] for f in openpose_clip("static_openpose_body25b.json")[camera]])
    for right in (COCO17, H36M17, BODY25, BODY25B):
        assert recognise({"a": recording(as_set(still, right))}, "auto").skeleton is right


def test_the_wrong_order_of_joints_makes_longer_limbs(clip: np.ndarray) -> None:
    for right, wrong in ((COCO17, H36M17), (H36M17, COCO17), (BODY25, BODY25B), (BODY25B, BODY25)):
        xy = recording(as_set(clip, right)).xy_px
        assert limb_share(xy, right) < 0.6 * limb_share(xy, wrong)


def test_undecided(clip: np.ndarray) -> None:
    """Too little of the person to tell: 17 joints are COCO's, 25 have to be named."""
    few = clip.copy()
    few[:, 4:] = 0
    found = recognise({"a": recording(few[:, :17])}, "auto")
    assert found.skeleton is COCO17 and "the usual one" in found.by
    with pytest.raises(InputError, match=r"25 joints: body25 or body25b\n.*--skeleton body25, or"):
        recognise({"a": recording(few)}, "auto")
    assert recognise({"a": recording(few)}, "body25").skeleton is BODY25


def test_what_the_files_say_goes_first(clip: np.ndarray) -> None:
    coco = recording(as_set(clip, COCO17))
    mmpose_h36m = ("root", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee",
                   "left_foot", "spine", "thorax", "neck_base", "head", "left_shoulder",
                   "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
                   "right_wrist")  # fmt: skip
    named = {"a": replace(coco, joints=mmpose_h36m), "b": coco}
    assert recognise(named, "auto") == (H36M17, "as the files say")
    assert recognise({"a": replace(coco, skeleton="h36m17")}, "auto").skeleton is H36M17
    assert recognise(named, "coco17") == (COCO17, "as set")
    named["b"] = replace(coco, skeleton="coco17")
    with pytest.raises(InputError, match="different joint sets: a h36m17, b coco17"):
        recognise(named, "auto")


def test_a_set_whose_limbs_run_across_the_body_is_doubted(clip: np.ndarray) -> None:
    for right, wrong in ((BODY25, BODY25B), (BODY25B, BODY25), (H36M17, COCO17)):
        seen = {"a": recording(as_set(clip, right))}
        assert doubt_set(seen, right) == ""
        said = rf"not those of {wrong.name}: .* as {right.name} they have \d+%: check --skeleton"
        assert re.search(said, doubt_set(seen, wrong))
    assert doubt_set({"a": recording(as_set(clip, HALPE26))}, HALPE26) == ""


def test_counts_that_do_not_fit(clip: np.ndarray) -> None:
    two = {"a": recording(clip), "b": recording(as_set(clip, HALPE26))}
    with pytest.raises(InputError, match="different numbers of joints: a 25, b 26"):
        recognise(two, "auto")
    with pytest.raises(InputError, match=r"people have 26 joints, body25 has 25\n.*--skeleton"):
        recognise({"b": two["b"]}, "body25")
    with pytest.raises(InputError, match="people have 20 joints, as no joint set"):
        recognise({"a": recording(clip[:, :20])}, "auto")


def test_sizes_as_set_and_as_the_files_say(clip: np.ndarray) -> None:
    told = replace(recording(clip), size_px=np.array([1088, 1920], dtype=np.int32))
    both = {"a": told, "b": recording(clip)}
    assert sizes_of(both, ("b=1080x1930",)) == {"a": (1088, 1920), "b": (1080, 1930)}
    assert sizes_of(both, ("1100x1900", "b=1080x1930")) == {"a": (1100, 1900), "b": (1080, 1930)}
    assert [is_size(e) for e in ("1x1", "a=2x3", "a=b=2×3", "2x", "0x3", "=2x3", "2x3x4")] == [
        *(True, True, True),
        *(False, False, False, False),
    ]


def test_an_unknown_size_is_refused_with_what_was_seen(clip: np.ndarray) -> None:
    x, y = (round(float(v)) for v in clip[..., :2].max((0, 1)))
    said = rf"not known of: b \(joints up to x {x}, y {y}\)\n.*--size b=WIDTHxHEIGHT"
    with pytest.raises(InputError, match=said):
        sizes_of({"a": recording(clip), "b": recording(clip)}, ("a=1088x1920",))


def test_a_wrong_size_is_refused(clip: np.ndarray) -> None:
    both = {"a": recording(clip), "b": recording(clip)}
    with pytest.raises(InputError, match=r"% of the joints of b lie outside of its 1920×1080 px"):
        sizes_of(both, ("1088x1920", "b=1920x1080"))
    with pytest.raises(UsageError, match=r"unknown camera to set the size of: c\n.*a, b"):
        sizes_of(both, ("1088x1920", "c=1088x1920"))


def test_shares_of_the_picture_are_refused(clip: np.ndarray) -> None:
    small = clip / [1088, 1920, 1]
    with pytest.raises(InputError, match=r"keypoints of a never exceed 2.*\n.*--keypoint_scale 0"):
        sizes_of({"a": recording(small)}, ("1088x1920",))


@pytest.fixture(scope="module", params=["openpose_body25b.json", "static_openpose_body25b.json"])
def views(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    """Joints of all people of a clip of 1088×1920 px, by camera: (N, 2)."""
    people = {
        name: np.array([rows for frame in frames for person in frame for rows in person])
        for name, frames in openpose_clip(request.param).items()
    }
    return {name: rows[rows[:, 2] > 0, :2] for name, rows in people.items()}


@pytest.mark.parametrize("factor", [1 / 3, 1 / 2, 2 / 3])
def test_a_size_larger_than_what_the_detector_saw(
    views: dict[str, np.ndarray], factor: float
) -> None:
    sizes = dict.fromkeys(views, (1088, 1920))
    assert doubt_sizes({n: spread_of(xy) for n, xy in views.items()}, sizes) == []
    (doubt,) = doubt_sizes({n: spread_of(factor * xy) for n, xy in views.items()}, sizes)
    assert doubt.sure
    assert re.search(r"upper left of the pictures, cam01 \d+% × \d+%, cam02 ", doubt.text)
    assert re.search(
        f"give their size: --size .*{1088 * factor:.0f}x{1920 * factor:.0f}", doubt.text
    )


def test_one_camera_of_another_size_is_named(views: dict[str, np.ndarray]) -> None:
    sizes = dict.fromkeys(views, (1088, 1920))
    views = {**views, "cam04": views["cam04"] / 2}
    (doubt,) = doubt_sizes({n: spread_of(xy) for n, xy in views.items()}, sizes)
    assert not doubt.sure
    assert "the joints of cam04 keep to the upper left" in doubt.text
    assert "--size cam04=" in doubt.text


def test_a_person_in_a_corner_of_one_camera_is_no_fault() -> None:
    rng = np.random.default_rng(0)
    left_half = rng.uniform((0, 0), (900, 1080), (500, 2))
    low_left = rng.uniform((100, 500), (600, 1000), (500, 2))
    far = rng.uniform((900, 500), (1000, 700), (500, 2))
    spreads = {n: spread_of(xy) for n, xy in zip("abc", (left_half, low_left, far), strict=True)}
    spreads["d"] = spread_of(np.full((4, 2), np.nan))
    assert doubt_sizes(spreads, dict.fromkeys("abcd", (1920, 1080))) == []


def test_names_as_written_for_the_files(clip: np.ndarray) -> None:
    """The folder "Kamera 1" became Kamera_1."""
    both = {"Kamera_1": recording(clip), "b": recording(clip)}
    found = sizes_of(both, ("1100x1920", "Kamera 1=1088x1920"))
    assert found == {"Kamera_1": (1088, 1920), "b": (1100, 1920)}
    with pytest.raises(UsageError, match=r"set the size of: Kamera 2\n.*did you mean Kamera_1"):
        sizes_of(both, ("1100x1920", "Kamera 2=1088x1920"))
