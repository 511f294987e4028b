import numpy as np
import pytest

from gentri.errors import InputError
from gentri.ticks import (
    at_ticks,
    bracketing_frames,
    common_ticks,
    is_regular,
    mean_rate_hz,
    nearest_ticks,
)


def test_equal_clocks_keep_every_frame() -> None:
    t = np.arange(100) / 60
    np.testing.assert_array_equal(common_ticks(("a", "b"), (t, t)), t)


def test_different_lengths_keep_the_common_part() -> None:
    a, b = np.arange(100) / 30, np.arange(20, 60) / 30
    np.testing.assert_allclose(common_ticks(("a", "b"), (a, b)), b)


def test_the_slowest_camera_sets_the_ticks() -> None:
    a, b = np.arange(200) / 60, np.arange(75) / 25
    np.testing.assert_allclose(common_ticks(("a", "b"), (a, b)), b)


def test_recordings_without_a_common_moment_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"late starts at 5.00 s, after early has ended at 1.97 s"):
        common_ticks(("early", "late"), (np.arange(60) / 30, 5 + np.arange(60) / 30))


def linear_motion(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    xy = np.stack([100 + 40 * t, 200 - 25 * t], axis=-1)[:, None].astype(np.float32)
    return xy, np.full((len(t), 1), 0.8, dtype=np.float32)


def test_values_on_frames_are_untouched() -> None:
    t = np.arange(50) / 30
    xy, score = linear_motion(t)
    got_xy, got_score = at_ticks(xy, score, t, t[10:20])
    np.testing.assert_array_equal(got_xy, xy[10:20])
    np.testing.assert_array_equal(got_score, score[10:20])


def test_linear_motion_is_interpolated_exactly() -> None:
    t = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.045, 80))  # variable frame rate
    ticks = np.linspace(t[0], t[-1], 57)
    xy, _ = at_ticks(*linear_motion(t), t, ticks)
    # A tick within a hundredth of a period of a frame takes that frame: at most 0.02 px here.
    np.testing.assert_allclose(xy, linear_motion(ticks)[0], atol=0.02)


def test_nothing_is_known_inside_a_gap_or_outside_the_recording() -> None:
    t = np.r_[np.arange(20), np.arange(40, 60)] / 30
    xy, score = at_ticks(*linear_motion(t), t, np.array([-1.0, 0.1, 0.95, 1.5, 9.0]))
    assert np.isfinite(xy[:, 0, 0]).tolist() == [False, True, False, True, False]
    np.testing.assert_array_equal(np.isnan(score[:, 0]), np.isnan(xy[:, 0, 0]))


def test_a_missing_joint_is_not_invented_from_one_side() -> None:
    t = np.arange(10) / 10
    xy, score = linear_motion(t)
    xy[5] = np.nan
    got, _ = at_ticks(xy, score, t, np.array([0.3, 0.44, 0.46, 0.6]))
    assert np.isfinite(got[:, 0, 0]).tolist() == [True, False, False, True]


def test_a_single_frame_serves_its_own_instant_only() -> None:
    before, _, share = bracketing_frames(np.array([1.0]), np.array([1.0, 1.0]))
    assert before.tolist() == [0, 0]
    assert np.isfinite(share).all()


def test_rate_of_rounded_stamps_is_the_true_one() -> None:
    assert mean_rate_hz(np.round(np.arange(601) / 60, 3)) == pytest.approx(60.0)


@pytest.mark.parametrize("stamps", [[], [3.0], [3.0, 3.0]])
def test_rate_without_duration_is_still_a_rate(stamps: list[float]) -> None:
    assert mean_rate_hz(np.array(stamps)) == 1.0


def test_rounding_is_regular_and_dropped_frames_are_not() -> None:
    steady = np.arange(100) / 60
    assert is_regular(np.round(steady, 3))
    assert not is_regular(np.delete(steady, [20, 21, 22]))


def test_nearest_tick_of_a_faster_slower_and_shifted_camera() -> None:
    ticks = np.arange(5) / 10
    np.testing.assert_array_equal(nearest_ticks(ticks, ticks), range(5))
    assert nearest_ticks(np.array([0.04, 0.06, 0.21]), ticks).tolist() == [0, 1, 2]


def test_no_tick_beyond_half_a_period() -> None:
    ticks = np.array([0.0, 0.1, 0.2, 0.5, 0.6])
    found = nearest_ticks(np.array([-0.2, -0.04, 0.3, 0.35, 0.46, 0.64, 0.7]), ticks)
    assert found.tolist() == [-1, 0, -1, -1, 3, 4, -1]


def test_one_tick_and_none() -> None:
    frames = np.array([0.0, 0.1, 0.2])
    assert nearest_ticks(frames, np.array([0.11])).tolist() == [-1, 0, -1]
    assert nearest_ticks(frames, np.array([])).tolist() == [-1, -1, -1]
    assert nearest_ticks(np.array([0.1]), np.array([0.1])).tolist() == [0]
    assert nearest_ticks(np.array([]), frames).tolist() == []
