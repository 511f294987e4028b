"""The frames that a calibration looks at."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Keypoints2D
from gentri.errors import CalibrationError
from gentri.geometry.sample import BONES, JOINTS, MIRROR, box_diagonal, choose_sample
from gentri.skeletons import BODY_JOINTS, COCO17


def walk_keypoints(ticks: int = 300) -> Keypoints2D:
    rng = np.random.default_rng(0)
    return synthetic.observe(synthetic.random_ring(rng), synthetic.walk(rng, ticks=ticks))


def hidden(keypoints: Keypoints2D, *at: object) -> Keypoints2D:
    """Keypoints that are not seen at an index of (C, T, J)."""
    xy, score = keypoints.xy_px.copy(), keypoints.score.copy()
    xy[at], score[at] = np.nan, np.nan
    return replace(keypoints, xy_px=xy, score=score)


def test_at_most_so_many_frames_in_order() -> None:
    keypoints = walk_keypoints()
    sample = choose_sample([keypoints], 40, {})
    assert len(sample.frames) == 40
    assert (np.diff(sample.frames) > 0).all()
    np.testing.assert_array_equal(sample.time_s, keypoints.time_s[sample.frames])
    columns = [COCO17.index(j) for j in JOINTS]
    expected = keypoints.xy_px[:, sample.frames][:, :, columns]
    np.testing.assert_array_equal(sample.xy_px[sample.seen], expected[sample.seen])
    np.testing.assert_array_equal(sample.seen, np.isfinite(expected[..., 0]))


def test_few_frames_are_all_taken() -> None:
    np.testing.assert_array_equal(
        choose_sample([walk_keypoints(30)], 100, {}).frames, np.arange(30)
    )


def test_a_moment_of_motion_in_a_long_rest_is_looked_at() -> None:
    """Of 1,000 frames 900 show the same pose: at least half of the sample is from the other 100."""
    keypoints = walk_keypoints(1000)
    still = np.r_[0:600, 700:1000]
    xy = keypoints.xy_px.copy()
    xy[:, still] = xy[:, :1]
    sample = choose_sample([replace(keypoints, xy_px=xy)], 60, {})
    assert ((sample.frames >= 600) & (sample.frames < 700)).sum() >= 30
    # And time is covered as well.
    assert sample.frames[0] < 100
    assert sample.frames[-1] > 900


def test_frames_that_one_camera_alone_sees_are_of_no_use() -> None:
    keypoints = hidden(walk_keypoints(100), slice(1, None), slice(0, 60))
    sample = choose_sample([keypoints], 100, {})
    np.testing.assert_array_equal(sample.frames, np.arange(60, 100))


def test_too_few_common_frames_are_refused_with_their_number() -> None:
    keypoints = hidden(walk_keypoints(100), slice(1, None), slice(0, 91))
    with pytest.raises(CalibrationError, match="only 9 frames show the person to two cameras"):
        choose_sample([keypoints], 50, {})
    assert len(choose_sample([hidden(walk_keypoints(100), 0, slice(0, 91))], 50, {}).frames) == 50


def test_close_ups_are_refused_for_what_they_are() -> None:
    """All see the shoulders all the time: nothing is wrong with the time, but with the picture."""
    keypoints = walk_keypoints(100)
    shoulders = [keypoints.skeleton.index(f"{side}_shoulder") for side in ("left", "right")]
    below = np.setdiff1d(keypoints.skeleton.body, shoulders)
    xy = keypoints.xy_px.copy()
    xy[:, :, below] = np.nan
    with pytest.raises(CalibrationError, match="together in 100 frames, but only in 0") as caught:
        choose_sample([replace(keypoints, xy_px=xy)], 50, {})
    assert "film the whole person" in str(caught.value.hint)


def test_exchanging_the_sides_twice_changes_nothing() -> None:
    sample = choose_sample([hidden(walk_keypoints(), 1, slice(None), 9)], 50, {})
    rng = np.random.default_rng(1)
    swapped = rng.uniform(size=sample.seen.shape[:2]) < 0.3
    once = sample.relabelled(swapped)
    assert not np.array_equal(once.xy_px, sample.xy_px)
    assert not np.array_equal(once.weight, sample.weight)
    np.testing.assert_array_equal(once.xy_px[~swapped], sample.xy_px[~swapped])
    c, f = np.argwhere(swapped)[0]
    left, right = (BODY_JOINTS.index(f"{side}_knee") for side in ("left", "right"))
    np.testing.assert_array_equal(once.xy_px[c, f, left], sample.xy_px[c, f, right])
    twice = once.relabelled(swapped)
    np.testing.assert_array_equal(twice.xy_px, sample.xy_px)
    np.testing.assert_array_equal(twice.weight, sample.weight)


def test_dropped_view_frames_and_every_third_frame() -> None:
    sample = choose_sample([walk_keypoints()], 50, {})
    dropped = np.zeros(sample.seen.shape[:2], dtype=bool)
    dropped[2, 7] = True
    kept = sample.without(dropped)
    assert not kept.seen[2, 7].any()
    np.testing.assert_array_equal(kept.seen[~dropped], sample.seen[~dropped])
    thinned = sample.every(3)
    np.testing.assert_array_equal(thinned.frames, sample.frames[::3])
    np.testing.assert_array_equal(thinned.sigma_px, sample.sigma_px[:, ::3])


def test_box_diagonal_of_a_rectangle_of_joints() -> None:
    corners = np.array([[0.0, 0], [30, 0], [30, 40], [0, 40]] * 3)
    xy = np.broadcast_to(corners, (2, 5, 12, 2)).copy()
    xy[1] *= 2
    np.testing.assert_allclose(box_diagonal(xy), np.repeat([[50.0], [100.0]], 5, axis=1))


def test_box_diagonal_where_the_person_is_cut_off_or_crouches() -> None:
    corners = np.array([[0.0, 0], [30, 0], [30, 40], [0, 40]] * 3)
    xy = np.broadcast_to(corners, (3, 6, 12, 2)).copy()
    xy[0, 0, 3:] = np.nan  # three joints: the view's median
    xy[0, 1] *= 0.1  # crouching: not much less than the median
    xy[2] = np.nan  # a view that saw nobody: the median of the others
    diagonal = box_diagonal(xy)
    assert diagonal[0, 0] == pytest.approx(50.0)
    assert diagonal[0, 1] == pytest.approx(30.0)
    np.testing.assert_allclose(diagonal[1:], 50.0)


def test_mirror_and_bones_are_by_name() -> None:
    for joint, other in zip(BODY_JOINTS, np.array(BODY_JOINTS)[MIRROR], strict=True):
        side, part = joint.split("_")
        assert str(other) == f"{'right' if side == 'left' else 'left'}_{part}"
    names = {tuple(str(j) for j in np.array(BODY_JOINTS)[bone]) for bone in BONES}
    assert len(names) == 8
    assert ("left_hip", "left_knee") in names
    assert all(a.split("_")[0] == b.split("_")[0] for a, b in names)
