"""Intervals: they hold the truth as often as they say, and clips count, not frames."""

import numpy as np
import pytest

from gentri.evaluation import difference_interval, mean_interval


def clips(rng: np.random.Generator, count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Ten frames of each clip, all with the clip's own mean around 5."""
    means = rng.normal(5, 1, count)
    values = means[:, None] + rng.normal(0, 0.1, (count, 10))
    return values.ravel(), np.repeat(np.arange(count, dtype=np.int32), 10)


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        found = mean_interval(*clips(rng), samples=500, seed=seed)
        held += found.low <= 5 <= found.high
    assert 0.88 < held / 200 <= 0.99


def test_frames_of_a_clip_are_not_independent() -> None:
    values, clip = clips(np.random.default_rng(1))
    by_clip = mean_interval(values, clip)
    by_frame = mean_interval(values, np.arange(len(values), dtype=np.int32))
    assert by_clip.mean == pytest.approx(by_frame.mean) == pytest.approx(values.mean())
    assert by_clip.high - by_clip.low > 2.5 * (by_frame.high - by_frame.low)


def test_what_is_missing_is_left_out() -> None:
    values = np.array([[1.0, np.nan], [3.0, 5.0], [np.nan, np.nan]])
    assert mean_interval(values, np.array([0, 1, 2], dtype=np.int32)).mean == pytest.approx(3)
    nothing = mean_interval(np.full((3, 2), np.nan), np.array([0, 0, 1], dtype=np.int32))
    assert np.isnan([nothing.mean, nothing.low, nothing.high]).all()


def test_one_clip_says_nothing_of_others() -> None:
    found = mean_interval(np.arange(5.0), np.zeros(5, dtype=np.int32))
    assert found.mean == 2
    assert np.isnan(found.low) and np.isnan(found.high)


def test_the_same_seed_gives_the_same_interval() -> None:
    values, clip = clips(np.random.default_rng(2))
    assert mean_interval(values, clip, seed=3) == mean_interval(values, clip, seed=3)
    assert mean_interval(values, clip, seed=3) != mean_interval(values, clip, seed=4)


def test_paired_differences_are_surer_than_the_means() -> None:
    rng = np.random.default_rng(3)
    values, clip = clips(rng)
    better = values - 0.2 + rng.normal(0, 0.05, len(values))
    better[:20] = np.nan  # missing in one is left out in both
    found = difference_interval(values, better, clip)
    assert found.mean == pytest.approx(np.nanmean(values - better))
    assert 0.1 < found.low < 0.2 < found.high < 0.3
