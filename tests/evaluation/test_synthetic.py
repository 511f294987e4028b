"""Synthetic suites: the same seed the same bytes, and suites differ in what they say alone."""

from functools import cache

import numpy as np
import pytest
from mocap_clips import CLIPS, clips

from gentri.data import Keypoints2D
from gentri.errors import InputError, UsageError
from gentri.evaluation import EvaluationSet
from gentri.evaluation.synthetic import (
    ARC_DEG,
    CORRELATION,
    SUITES,
    chosen_clips,
    suite,
    synthetic_sets,
)
from gentri.ransac.two_view_scenes import TEST_SUBJECTS, TRAINING_SUBJECTS
from gentri.synthetic import Walk, observe, read_clips

SAME_CAMERAS = [name for name in SUITES if name not in ("even-ring", "arc")]


@cache
def sets(name: str, views: int = 4, frames: int = 300, seed: int = 3) -> tuple[EvaluationSet, ...]:
    return tuple(synthetic_sets(suite(name), views, clips(), frames, seed))


def exact(one: EvaluationSet) -> Keypoints2D:
    return observe(one.rig, Walk(one.truth, one.keypoints.time_s, 1.7))


def errors_px(name: str) -> np.ndarray:
    """Of all takes, (C, T, J, 2)."""
    away = [one.keypoints.xy_px - exact(one).xy_px for one in sets(name)]
    return np.concatenate(away, axis=1)


@pytest.mark.parametrize("name", SUITES)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    for a, b in zip(sets(name), synthetic_sets(suite(name), 4, clips(), 300, 3), strict=True):
        assert a.keypoints.xy_px.tobytes() == b.keypoints.xy_px.tobytes()
        assert a.keypoints.score.tobytes() == b.keypoints.score.tobytes()
        assert a.truth.tobytes() == b.truth.tobytes()


def test_another_seed_gives_other_takes_and_more_frames_begin_with_these() -> None:
    first = sets("sketch")[0]
    other = next(synthetic_sets(suite("sketch"), 4, clips(), 100, 4))
    assert first.truth.shape != other.truth.shape or not np.allclose(
        first.truth, other.truth, equal_nan=True
    )
    longer = list(synthetic_sets(suite("sketch"), 4, clips(), 400, 3))
    assert len(longer) == len(sets("sketch")) + 1
    np.testing.assert_array_equal(longer[0].keypoints.xy_px, first.keypoints.xy_px)


@pytest.mark.parametrize("views", [2, 4, 6])
def test_as_many_frames_as_asked_for_of_so_many_views(views: int) -> None:
    takes = sets("sketch", views)
    there = [np.isfinite(one.truth).all(axis=(1, 2)) for one in takes]
    assert sum(map(np.sum, there)) == 300
    for one, present in zip(takes, there, strict=True):
        assert len(one.rig.cameras) == views
        assert np.isnan(one.truth[~present]).all()
        assert np.isnan(one.keypoints.xy_px[:, ~present]).all()
    assert not all(present.all() for present in there)  # somebody goes and comes back


def test_people_walk_the_same_way_before_any_number_of_cameras() -> None:
    for a, b in zip(sets("sketch", 2), sets("arc", 6), strict=True):
        np.testing.assert_array_equal(a.truth, b.truth)


@pytest.mark.parametrize("name", SAME_CAMERAS)
def test_cameras_are_those_of_the_sketch(name: str) -> None:
    for a, b in zip(sets("sketch"), sets(name), strict=True):
        np.testing.assert_array_equal(a.truth, b.truth)
        for one, other in zip(a.rig.cameras, b.rig.cameras, strict=True):
            np.testing.assert_array_equal(one.center, other.center)
            np.testing.assert_array_equal(one.K, other.K)


@pytest.mark.parametrize(("name", "exponent"), [("flat-scores", 0), ("squared-scores", 2)])
def test_scores_alone_differ(name: str, exponent: float) -> None:
    for a, b in zip(sets("sketch"), sets(name), strict=True):
        np.testing.assert_array_equal(a.keypoints.xy_px, b.keypoints.xy_px)
        expected = np.where(
            np.isfinite(a.keypoints.score), a.keypoints.score.astype(float) ** exponent, np.nan
        )
        np.testing.assert_allclose(b.keypoints.score, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "factor"), [("noise-0.3", 0.3), ("noise-0.5", 0.5), ("noise-2", 2)]
)
def test_errors_are_so_much_larger_but_for_gross_mistakes(name: str, factor: float) -> None:
    a, b = errors_px("sketch"), errors_px(name)
    known = np.isfinite(a) & np.isfinite(b)
    scaled = np.abs(b - factor * a)[known] < 0.01
    # Exchanged limbs (3.5 % of each) and outliers (2 %) are where they were.
    assert 0.92 < scaled.mean() < 0.98
    for one, other in zip(sets("sketch"), sets(name), strict=True):
        np.testing.assert_array_equal(one.keypoints.score, other.keypoints.score)


def test_slow_errors_are_as_large_and_remember() -> None:
    plain, slow = errors_px("sketch"), errors_px("slow")
    quantiles = [0.1, 0.25, 0.5, 0.75, 0.9]
    a, b = (np.nanquantile(np.abs(e), quantiles) for e in (plain, slow))
    np.testing.assert_allclose(a, b, rtol=0.12)
    assert _remembered(plain) < 0.15
    assert _remembered(slow) == pytest.approx(CORRELATION, abs=0.15)
    for one, other in zip(sets("sketch"), sets("slow"), strict=True):
        np.testing.assert_array_equal(one.keypoints.score, other.keypoints.score)


def test_habits_of_a_detector_last() -> None:
    def lasting(name: str) -> float:
        """Median error of a joint in a view over a take, median of their sizes, px."""
        means = [np.nanmedian(one.keypoints.xy_px - exact(one).xy_px, axis=1) for one in sets(name)]
        return float(np.nanmedian(np.linalg.norm(means, axis=-1)))

    assert lasting("bias") > 2 * lasting("sketch")
    assert lasting("real-like") > 2 * lasting("sketch")
    for one, other in zip(sets("sketch"), sets("bias"), strict=True):
        np.testing.assert_array_equal(one.keypoints.score, other.keypoints.score)


def test_rings_are_even_and_arcs_are_arcs() -> None:
    for views in (4, 6):
        for one in sets("even-ring", views, 100):
            gaps = np.diff(np.sort(_azimuths_deg(one)))
            np.testing.assert_allclose(gaps, 360 / views)
            assert len({c.K.tobytes() for c in one.rig.cameras}) == 1
    for one in sets("arc", 4):
        azimuth = np.unwrap(_azimuths_deg(one), period=360)
        assert ARC_DEG[0] <= np.ptp(azimuth) <= ARC_DEG[1]
    (pair,) = sets("even-ring", 2, 100)
    assert np.ptp(np.unwrap(_azimuths_deg(pair), period=360)) == pytest.approx(90)


def test_people_are_those_that_nothing_was_trained_on() -> None:
    everybody = read_clips(CLIPS)
    chosen, words = chosen_clips(everybody)
    assert {clip.subject for clip in chosen} == set(TEST_SUBJECTS)
    assert words == "subjects 05, 06, 07, 08, 16: those kept out of training"
    assert not {clip.subject for clip in chosen} & set(TRAINING_SUBJECTS)
    trained = [clip for clip in everybody if clip.subject in TRAINING_SUBJECTS]
    assert len(chosen_clips(trained)[0]) == len(trained)
    assert chosen_clips(trained)[1].endswith(": all that there are")
    only, words = chosen_clips(everybody, ["16"])
    assert {clip.subject for clip in only} == {"16"} and words == "subjects 16"
    with pytest.raises(InputError, match=r"no motion of subject 99\n.*there are: 01, "):
        chosen_clips(everybody, ["16", "99"])


def test_people_who_never_walk_stay() -> None:
    spot = tuple(clip for clip in read_clips(CLIPS) if clip.on_the_spot)
    for one in synthetic_sets(suite("sketch"), 2, spot, 200):
        assert np.nanmax(np.ptp(one.truth[:20].mean(axis=1)[:, :2], axis=0)) < 1


def test_what_cannot_serve_is_refused() -> None:
    middling = next(c for c in read_clips(CLIPS) if not (c.moving or c.on_the_spot))
    with pytest.raises(InputError, match="in none of the 1 clips"):
        next(synthetic_sets(suite("sketch"), 4, (middling,)))
    with pytest.raises(UsageError, match=r"unknown suite: reallike\n.*did you mean real-like"):
        suite("reallike")


def _remembered(errors: np.ndarray) -> float:
    """Correlation of errors from tick to tick, by how often they keep their sign."""
    a, b = errors[:, :-1].ravel(), errors[:, 1:].ravel()
    both = np.isfinite(a + b)
    agree = (np.sign(a[both]) == np.sign(b[both])).mean()
    return float(np.sin(np.pi * (agree - 0.5)))  # exact for Gaussians; tails do not tell


def _azimuths_deg(one: EvaluationSet) -> np.ndarray:
    center = np.array([c.center for c in one.rig.cameras])
    return np.degrees(np.arctan2(center[:, 1], center[:, 0]))
