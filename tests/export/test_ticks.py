import numpy as np
import pytest

from gentri.export.ticks import is_regular, mean_rate_hz, nearest_ticks


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
