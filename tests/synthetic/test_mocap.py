"""Takes of real motion: people keep their bones, stay on the stage, and move or do not."""

from pathlib import Path

import numpy as np
import pytest

from gentri.errors import InputError
from gentri.skeletons import COCO17
from gentri.synthetic import Clip, kinds_of_takes, mocap_take, read_clips, walk
from gentri.synthetic.bodies import (
    BONE_NAMES,
    MOCAP_JOINTS,
    coco_from_mocap,
    headings,
    mirrored,
    rebuilt,
    stature_of,
)
from gentri.synthetic.mocap import CLIP_FPS, STAGE_RADIUS_M, on_floor, resampled

CLIPS = Path(__file__).parents[2] / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"
RIGID = (("left_shoulder", "left_elbow"), ("right_hip", "right_knee"), ("left_knee", "left_ankle"))


@pytest.fixture(scope="module")
def clips() -> tuple[Clip, ...]:
    return read_clips(CLIPS)


def lengths(xyz: np.ndarray) -> np.ndarray:
    """Of the rigid bones, (T, 3)."""
    a, b = np.array([[COCO17.index(j) for j in pair] for pair in RIGID]).T
    return np.linalg.norm(xyz[:, a] - xyz[:, b], axis=-1)


def test_the_database_is_what_its_readme_says(clips: tuple[Clip, ...]) -> None:
    assert len(clips) == 253
    assert sum(len(c.xyz) for c in clips) == 24323
    assert {c.xyz.shape[1:] for c in clips} == {(15, 3)}
    assert all(np.isfinite(c.xyz).all() for c in clips)
    by_name = {c.name: c for c in clips}
    assert by_name["cmu_35_07"].subject == "35"
    assert by_name["cmuev_test_walking_1"].subject == "cmuev_test_walking_1"


def test_walking_clips_move_and_gestures_do_not(clips: tuple[Clip, ...]) -> None:
    by_name = {c.name: c for c in clips}
    assert by_name["cmu_35_01"].moving
    assert not by_name["cmu_35_01"].on_the_spot
    assert by_name["cmuev_train_basketball_signal_1"].on_the_spot
    assert not any(c.moving and c.on_the_spot for c in clips)
    assert sum(c.moving for c in clips) > 150
    assert sum(c.on_the_spot for c in clips) > 20


@pytest.mark.parametrize("seed", range(4))
def test_a_take_is_one_person_on_one_floor(clips: tuple[Clip, ...], seed: int) -> None:
    take = mocap_take(np.random.default_rng(seed), clips, seconds=20.0)
    there = np.isfinite(take.xyz).all(axis=(1, 2))
    assert there.sum() == 200
    assert (there | np.isnan(take.xyz).all(axis=(1, 2))).all()
    np.testing.assert_allclose(np.diff(take.time_s), 0.1)
    xyz = take.xyz[there]
    assert (lengths(xyz).std(axis=0) < 0.02 * lengths(xyz).mean(axis=0)).all()
    hips = xyz[:, [COCO17.index("left_hip"), COCO17.index("right_hip")]].mean(axis=1)
    assert np.linalg.norm(hips[:, :2], axis=-1).max() < STAGE_RADIUS_M + 0.2
    assert 1.3 < take.stature_m < 2.2
    assert np.ptp(hips[:, :2], axis=0).max() > 1.0
    ankles = xyz[:, [COCO17.index("left_ankle"), COCO17.index("right_ankle")], 2].min(axis=1)
    assert 0 < np.quantile(ankles, 0.1) < 0.2


@pytest.mark.parametrize("seed", range(4))
def test_on_the_spot_is_one_place(clips: tuple[Clip, ...], seed: int) -> None:
    take = mocap_take(np.random.default_rng(seed), clips, seconds=20.0, moving=False)
    hip = take.xyz[:, COCO17.index("left_hip"), :2]
    assert np.nanmax(np.nanmax(hip, axis=0) - np.nanmin(hip, axis=0)) < 0.8


def test_the_same_seed_gives_the_same_take(clips: tuple[Clip, ...]) -> None:
    a, b, c = (mocap_take(np.random.default_rng(s), clips, seconds=5.0) for s in (1, 1, 2))
    assert np.array_equal(a.xyz, b.xyz, equal_nan=True)
    assert a.xyz.shape != c.xyz.shape or not np.allclose(a.xyz, c.xyz, equal_nan=True)


def test_a_subject_that_does_not_exist_is_refused(clips: tuple[Clip, ...]) -> None:
    with pytest.raises(InputError, match="in none of the 0 clips"):
        mocap_take(np.random.default_rng(0), clips, subject="999")


def running(clips: tuple[Clip, ...], speed: float, subject: str = "runner") -> Clip:
    """A pose that glides for 3 s."""
    xyz = np.repeat(clips[0].xyz[:1], 30, axis=0)
    xyz[..., 0] += np.arange(30)[:, None] / CLIP_FPS * speed
    return Clip(subject, subject, xyz)


def broken(clip: Clip) -> Clip:
    """A hand is never measured."""
    xyz = clip.xyz.copy()
    xyz[:, MOCAP_JOINTS.index("LWrist")] = np.nan
    return Clip("broken", "broken", xyz)


def test_who_crosses_the_stage_too_fast_is_passed_over(clips: tuple[Clip, ...]) -> None:
    walker = running(clips, 1.0, "walker")
    both = (running(clips, 6.0), broken(walker), walker)
    assert kinds_of_takes(both) == (True,)
    for seed in range(4):
        assert np.isfinite(mocap_take(np.random.default_rng(seed), both).xyz[0]).all()


@pytest.mark.parametrize("change", ["too fast", "millimetres", "not measured"])
def test_motion_of_which_no_take_can_be_made_is_refused(clips: tuple[Clip, ...], change) -> None:
    walker = running(clips, 1.0)
    clip, speed = {
        "too fast": (running(clips, 6.0), "6"),
        "millimetres": (Clip("a", "a", 1000 * walker.xyz), r"1e\+03"),
        "not measured": (broken(walker), "1"),
    }[change]
    found = rf"none of the 1 clips in which a person walks .* has 1 s .* goes {speed} m/s\n"
    with pytest.raises(InputError, match=found):
        mocap_take(np.random.default_rng(0), (clip,))
    with pytest.raises(InputError, match="walks through space or stays on the spot has 1 s"):
        kinds_of_takes((clip,))
    with pytest.raises(InputError, match="in none of the 1 clips a person stays on the spot"):
        mocap_take(np.random.default_rng(0), (clip,), moving=False)


def test_every_clip_of_the_database_can_serve(clips: tuple[Clip, ...]) -> None:
    assert all(clip.stays_on_stage for clip in clips)
    assert kinds_of_takes(clips) == (True, False)


def test_another_frame_rate_follows_the_same_path(clips: tuple[Clip, ...]) -> None:
    xyz = clips[0].xyz[:50]
    fine = resampled(xyz, 10.0, 30.0)
    assert len(fine) == 3 * 49 + 1
    np.testing.assert_allclose(fine[::3], xyz, atol=1e-9)
    t = np.arange(30) / 10
    parabola = np.stack([t, t**2, 1 - t], axis=-1)[:, None]
    at = np.arange(len(resampled(parabola, 10.0, 25.0))) / 25
    expected = np.stack([at, at**2, 1 - at], axis=-1)[:, None]
    np.testing.assert_allclose(resampled(parabola, 10.0, 25.0), expected, atol=1e-9)


def test_mirroring_twice_changes_nothing_and_once_exchanges_sides(clips: tuple[Clip, ...]) -> None:
    xyz = clips[0].xyz
    np.testing.assert_array_equal(mirrored(mirrored(xyz)), xyz)
    left, right = MOCAP_JOINTS.index("LWrist"), MOCAP_JOINTS.index("RWrist")
    np.testing.assert_array_equal(mirrored(xyz)[:, left, 1:], xyz[:, right, 1:])
    np.testing.assert_array_equal(mirrored(xyz)[:, left, 0], -xyz[:, right, 0])


def test_bones_are_stretched_each_by_its_factor(clips: tuple[Clip, ...]) -> None:
    xyz = clips[0].xyz
    factor = dict.fromkeys(BONE_NAMES, 1.0)
    np.testing.assert_allclose(rebuilt(xyz, factor), xyz, atol=1e-12)
    longer = rebuilt(xyz, factor | {"Knee": 1.1})  # thighs

    def bone(joints: np.ndarray, a: str, b: str) -> np.ndarray:
        i, j = MOCAP_JOINTS.index(a), MOCAP_JOINTS.index(b)
        return np.linalg.norm(joints[:, i] - joints[:, j], axis=-1)

    for side in "LR":
        thigh, shank = (side + "Hip", side + "Knee"), (side + "Knee", side + "Ankle")
        np.testing.assert_allclose(bone(longer, *thigh), 1.1 * bone(xyz, *thigh))
        np.testing.assert_allclose(bone(longer, *shank), bone(xyz, *shank))


def test_the_lower_ankle_stands_at_ankle_height(clips: tuple[Clip, ...]) -> None:
    lifted = on_floor(clips[3].xyz + np.array([0.0, 0.0, 5.0]))
    np.testing.assert_allclose(lifted, on_floor(clips[3].xyz), atol=1e-12)


def test_the_face_looks_where_the_chest_does(clips: tuple[Clip, ...]) -> None:
    clip = next(c for c in clips if c.name == "cmu_35_01")
    xyz = coco_from_mocap(clip.xyz, stature_of(clip.xyz))
    ears = [COCO17.index("left_ear"), COCO17.index("right_ear")]
    ahead = xyz[:, COCO17.index("nose")] - xyz[:, ears].mean(axis=1)
    heading = headings(xyz)
    forward = ahead[:, 0] * np.cos(heading) + ahead[:, 1] * np.sin(heading)
    assert (forward > 0.05).all()
    path = np.gradient(xyz[:, [11, 12], :2].mean(axis=1), axis=0)
    along = path[:, 0] * np.cos(heading) + path[:, 1] * np.sin(heading)
    assert (along > 0).all()  # people walk forward


def test_headings_of_a_walker_follow_the_path() -> None:
    motion = walk(np.random.default_rng(0), 50)
    hips = motion.xyz[:, [11, 12], :2].mean(axis=1)
    path = np.diff(hips, axis=0)
    turned = np.arctan2(path[:, 1], path[:, 0]) - headings(motion.xyz)[:-1]
    assert np.abs(np.angle(np.exp(1j * turned))).max() < 0.4
