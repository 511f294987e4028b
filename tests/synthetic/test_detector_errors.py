"""Simulated detections err as measured ones do, and say so in their scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gentri.skeletons import COCO17
from gentri.synthetic import (
    REAL,
    Detector,
    ObservedTake,
    camera_ring,
    error_statistics,
    mocap_take,
    observe,
    random_detector,
    random_rig,
    read_clips,
    real_like_noise,
    sketch_noise,
    walk,
)
from gentri.synthetic.occlusion import behind_torso
from gentri.synthetic.real_like import remembering
from gentri.synthetic.sketch import person_size

CLIPS = Path(__file__).parents[2] / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"


def takes(noise, count: int = 5, **how) -> list[ObservedTake]:
    clips, out = read_clips(CLIPS), []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        rig, motion = random_rig(rng, 4), mocap_take(rng, clips, seconds=30.0)
        exact = observe(rig, motion)
        out.append(ObservedTake(noise(exact, motion, rig, rng, **how), exact, motion, rig))
    return out


def test_sketched_errors_are_those_of_the_method() -> None:
    found = error_statistics(takes(sketch_noise))
    assert found.median == pytest.approx(0.014, abs=0.0015)
    assert found.p99 == pytest.approx(0.39, abs=0.05)
    assert abs(found.correlation) < 0.05
    assert found.constant < 0.02
    assert found.by_azimuth < 0.02


def test_real_like_errors_are_those_of_recordings() -> None:
    found = error_statistics(
        takes(real_like_noise, detector=random_detector(np.random.default_rng(0)))
    )
    assert found.median == pytest.approx(REAL.median, rel=0.2)
    assert found.p90 == pytest.approx(REAL.p90, rel=0.2)
    assert found.p99 == pytest.approx(REAL.p99, rel=0.2)
    assert found.correlation == pytest.approx(REAL.correlation, abs=0.08)
    assert found.constant == pytest.approx(REAL.constant, abs=0.1)
    assert found.by_azimuth == pytest.approx(REAL.by_azimuth, abs=0.12)


def test_statistics_of_known_errors() -> None:
    """A constant error is all constant; one of fading memory has the correlation it was given."""
    rng = np.random.default_rng(0)
    rig, motion = camera_ring(4), walk(rng, 300)
    exact = observe(rig, motion)
    size = person_size(exact.xy_px)[..., None, None]

    def seen(share: np.ndarray) -> ObservedTake:
        xy = (exact.xy_px + share * size).astype(np.float32)
        return ObservedTake(replace(exact, xy_px=xy), exact, motion, rig)

    constant = error_statistics([seen(0.02 * rng.normal(size=(4, 1, 17, 2)))])
    assert constant.constant == pytest.approx(1.0, abs=1e-3)
    assert constant.correlation == pytest.approx(1.0, abs=1e-3)
    slow = error_statistics([seen(0.02 * remembering(rng, (4, 300, 17, 2), 0.8))])
    assert slow.correlation == pytest.approx(0.8, abs=0.03)
    assert slow.constant < 0.06
    assert slow.median == pytest.approx(0.02 * 1.1774, rel=0.03)  # of a Rayleigh distribution


@pytest.mark.parametrize("noise", [sketch_noise, real_like_noise])
def test_scores_tell_kinds_of_errors_apart(noise) -> None:
    take = takes(noise, 1)[0]
    size = person_size(take.exact.xy_px)[..., None]
    error = np.linalg.norm(take.seen.xy_px - take.exact.xy_px, axis=-1) / size
    score = take.seen.score
    assert np.nanmedian(score[error < 0.02]) > 0.8
    assert np.nanmedian(score[error > 0.1]) < np.nanmedian(score[error < 0.02]) - 0.05
    assert 0 < np.nanmin(score) <= np.nanmax(score) <= 1
    assert np.array_equal(np.isnan(score), np.isnan(take.seen.xy_px[..., 0]))
    assert np.isnan(score[np.isnan(take.exact.xy_px[..., 0])]).all()


@pytest.mark.parametrize("noise", [sketch_noise, real_like_noise])
def test_the_same_seed_gives_the_same_errors(noise) -> None:
    a, b = takes(noise, 1)[0].seen, takes(noise, 1)[0].seen
    assert np.array_equal(a.xy_px, b.xy_px, equal_nan=True)
    assert np.array_equal(a.score, b.score, equal_nan=True)


def test_a_detector_errs_alike_on_both_sides() -> None:
    """The mirror image of a person, seen from the mirrored side, has the mirrored errors."""
    detector: Detector = random_detector(np.random.default_rng(3))
    mirror = COCO17.mirror
    np.testing.assert_allclose(detector.shift_m[mirror], detector.shift_m * [1, -1, 1])
    for azimuth in (0.3, 2.0, -1.1):
        here, there = (
            np.stack(
                [np.cos(s * azimuth * np.array([1, 2])), np.sin(s * azimuth * np.array([1, 2]))]
            )
            for s in (1, -1)
        )
        error = np.einsum("jahk,kh->ja", detector.waves, here)
        mirrored = np.einsum("jahk,kh->ja", detector.waves, there)[mirror]
        np.testing.assert_allclose(mirrored, error * [-1, 1], atol=1e-12)


def test_the_far_arm_of_a_person_seen_from_the_side_is_hidden() -> None:
    rng = np.random.default_rng(0)
    motion = walk(rng, 1)
    rig = camera_ring(36, radius_m=5.0)
    hidden = behind_torso(rig, motion.xyz)[:, 0]
    shoulders = [COCO17.index("left_shoulder"), COCO17.index("right_shoulder")]
    left, right = motion.xyz[0, shoulders]
    centers = np.array([c.center for c in rig.cameras])
    side = (centers - (left + right) / 2) @ (left - right)
    assert hidden[np.argmax(side), shoulders].tolist() == [False, True]
    assert hidden[np.argmin(side), shoulders].tolist() == [True, False]
    front = np.argmin(np.abs(side))
    assert not hidden[front, shoulders].any()
    assert 0.01 < hidden.mean() < 0.25


def test_rigs_have_the_lenses_that_were_asked_for() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        count = 2 + seed % 7
        rig = random_rig(rng, count, k1=(-0.3, -0.15), off_center=0.01, roll_deg=5.0)
        assert len(rig.cameras) == count
        for camera in rig.cameras:
            assert -0.3 <= camera.dist[0] <= -0.15
            off = np.linalg.norm(camera.K[:2, 2] - [959.5, 539.5])
            np.testing.assert_allclose(off, 19.2)
            assert 900 <= camera.K[0, 0] <= 1600
            assert 0.8 <= camera.center[2] <= 2.8
            assert 3.5 <= np.linalg.norm(camera.center[:2]) <= 6.5
    one = random_rig(np.random.default_rng(0), 5, k1=(-0.3, 0.0), one_model=True)
    assert len({c.K[0, 0] for c in one.cameras}) == len({c.dist[0] for c in one.cameras}) == 1


def test_only_what_is_asked_for_changes_in_a_rig() -> None:
    straight, bent = (
        random_rig(np.random.default_rng(1), 4, k1=k1) for k1 in ((0.0, 0.0), (-0.3, -0.15))
    )
    for a, b in zip(straight.cameras, bent.cameras, strict=True):
        np.testing.assert_array_equal(a.K, b.K)
        np.testing.assert_array_equal(a.cam_from_world.R, b.cam_from_world.R)


def test_two_cameras_neither_face_each_other_nor_see_alike() -> None:
    for seed in range(30):
        a, b = (c.center[:2] for c in random_rig(np.random.default_rng(seed), 2).cameras)
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert 20 < np.degrees(np.arccos(cosine)) < 160
