"""Frames chosen for what they add."""

import numpy as np

from gentri.geometry.farthest_frames import farthest_frames


def person_at(place: np.ndarray) -> np.ndarray:
    """Two views (2, F, 4, 2) of a person whose middle is at these pixels (F, 2)."""
    joints = np.array([[-10.0, -40.0], [10.0, -40.0], [-10.0, 40.0], [10.0, 40.0]])
    view = place[:, None] + joints
    return np.stack([view, view + 300.0])


def test_few_frames_are_all_taken() -> None:
    xy = person_at(np.zeros((5, 2)))
    np.testing.assert_array_equal(farthest_frames(xy, 5), np.arange(5))


def test_the_places_of_a_walk_are_spread_and_in_order() -> None:
    """One rest for most of the time, and a walk at its end: frames follow the way, not the time."""
    walked = np.linspace(0, 1000, 60)
    place = np.concatenate([np.zeros((300, 2)), np.stack([walked, walked / 2], axis=-1)])
    chosen = farthest_frames(person_at(place), 24)
    assert len(chosen) == 24
    assert (np.diff(chosen) > 0).all()
    assert (chosen >= 300).sum() >= 8
    assert np.diff(np.sort(place[chosen, 0])).max() < 300


def test_frames_that_more_cameras_see_are_preferred() -> None:
    place = np.random.default_rng(0).uniform(0, 1000, (200, 2))
    xy = person_at(place)
    xy[1, ::2] = np.nan
    chosen = farthest_frames(xy, 40)
    assert (chosen % 2 == 1).mean() > 0.6


def test_a_gross_error_is_no_farther_than_the_edge_of_the_walk() -> None:
    place = np.random.default_rng(1).uniform(0, 1000, (200, 2))
    wrong = np.arange(0, 200, 67)
    place[wrong] = 1e5
    assert np.isin(wrong, farthest_frames(person_at(place), 10)).sum() <= 1
