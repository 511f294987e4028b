"""Distances from a subject that grows: only what is new is measured, and the answer is the same."""

from typing import Any

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Detections
from gentri.people import comparison
from gentri.people.comparison import Comparison, Tracks, View, track_medians
from gentri.skeletons import COCO17

TICKS = 60
HALF = TICKS // 2


def views_of(cameras: int) -> list[View]:
    """A walker who is track 1 in the first half and track 2 in the second of every view."""
    rng = np.random.default_rng(0)
    rig = synthetic.random_ring(rng, cameras)
    walk = synthetic.walk(rng, TICKS)
    seen = synthetic.degrade(synthetic.observe(rig, walk), rng, noise_px=2.0)
    track = np.where(np.arange(TICKS) < HALF, 1, 2).astype(np.int32)[:, None]
    found = []
    for c, camera in enumerate(rig.cameras):
        xy = seen.xy_px[c][:, None]
        box = np.concatenate([np.nanmin(xy, axis=2), np.nanmax(xy, axis=2)], axis=-1)
        people = Detections(xy, seen.score[c][:, None], box, track, 1920, 1080, COCO17)
        found.append(View.of(people, camera, walk.time_s, walk.time_s, 0.1))
    return found


def tracks(*numbers: set[int]) -> Tracks:
    return tuple(frozenset(n) for n in numbers)


def test_what_others_see_gives_places_and_one_other_gives_lines() -> None:
    distance, is_place = Comparison(views_of(3)).distance(tracks({1, 2}, {1}, {1, 2}), 0)
    assert is_place[:HALF].all()
    assert not is_place[HALF:].any()
    assert np.nanmax(distance) < 1.0
    nobody, _ = Comparison(views_of(3)).distance(tracks({1, 2}, {1}, {1}), 0)
    assert np.isfinite(nobody[:HALF]).all()
    assert np.isnan(nobody[HALF:]).all()


def test_only_what_is_new_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    triangulate = comparison.triangulate

    def counted(xy: np.ndarray, *others: Any) -> np.ndarray:
        looked_at.append(xy.shape[1])
        return triangulate(xy, *others)

    monkeypatch.setattr(comparison, "triangulate", counted)
    grown = Comparison(views_of(4))
    of_grown: list[int] = []
    steps = [tracks(*[{1}] * 4), tracks({1}, {1, 2}, {1}, {1}), tracks(*[{1, 2}] * 4)]
    for now in steps:
        for c in range(4):
            looked_at.clear()
            distance, is_place = grown.distance(now, c)
            of_grown += looked_at
            again, same = Comparison(grown.views).distance(now, c)
            np.testing.assert_array_equal(distance, again)
            np.testing.assert_array_equal(is_place, same)
    # Everything at first, then the second half wherever others have changed.
    assert of_grown == [TICKS] * 4 + [HALF] * 3 + [HALF] * 4


def test_lines_of_a_track_are_at_its_own_ticks() -> None:
    at, distance = Comparison(views_of(2)).lines(0, 2, 1)
    np.testing.assert_array_equal(at, np.arange(HALF, TICKS))
    ((track, median, count),) = track_medians(np.full((HALF, 1), 2, dtype=np.int32), distance)
    assert (track, count) == (2, HALF)
    assert median < 1.0
