"""Rigs from a walking person with nothing known, against exact synthetic truth."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Keypoints2D, Rig
from gentri.errors import CalibrationError
from gentri.geometry.calibration import CalibratedViews, calibrate_views
from gentri.geometry.comparison import compare_rigs
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.world import rig_in_world, world_of_person

OPTIONS = CalibrationOptions(
    frames=100,
    focal_prior=1.2,
    focal_sigma=0.3,
    focal_sharing="auto",
    distortion_sigma=0.1,
    center_sigma=0.01,
    bone_sigma=0.05,
    seed=0,
)


def scene(
    seed: int, **ring: object
) -> tuple[Rig, Keypoints2D, synthetic.Walk, np.random.Generator]:
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, **ring)
    walk = synthetic.walk(rng, ticks=150, stature_m=rng.uniform(1.5, 1.95))
    return rig, synthetic.observe(rig, walk), walk, rng


def as_rig(found: CalibratedViews, keypoints: Keypoints2D, stature_m: float | None = None) -> Rig:
    world = world_of_person(found.views, found.xyz, stature_m)
    return rig_in_world(found.views, world, keypoints.cameras, keypoints.size_px)


@pytest.mark.parametrize("seed", range(3))
def test_exact_scene(seed: int) -> None:
    rig, keypoints, _, _ = scene(seed)
    error = compare_rigs(as_rig(calibrate_views([keypoints], OPTIONS), keypoints), rig)
    assert error.rotation_deg.max() <= 0.01
    assert error.focal_percent.max() <= 0.1


def test_noise_and_outliers_over_20_seeds() -> None:
    """4 px noise and 10 % outliers: the bars of the project; none may fail."""
    errors = []
    for seed in range(20):
        rig, exact, _, rng = scene(100 + seed)
        noisy = synthetic.degrade(exact, rng, noise_px=4.0, outliers=0.10)
        errors.append(compare_rigs(as_rig(calibrate_views([noisy], OPTIONS), noisy), rig))
    rotation = [np.median(e.rotation_deg) for e in errors]
    focal = [e.focal_percent.mean() for e in errors]
    assert np.median(rotation) <= 0.3
    assert np.median(focal) <= 2.0
    assert max(rotation) <= 2.0
    assert max(focal) <= 5.0


def test_whole_person_swaps_are_undone() -> None:
    """A tenth of all view-frames with left and right exchanged: the rig is as good as without."""
    rig, keypoints, _, rng = scene(5)
    swapped = rng.uniform(size=keypoints.xy_px.shape[:2]) < 0.1
    order = np.where(swapped[..., None], keypoints.skeleton.mirror, np.arange(17))
    faulty = replace(keypoints, xy_px=np.take_along_axis(keypoints.xy_px, order[..., None], axis=2))
    found = calibrate_views([faulty], OPTIONS)
    error = compare_rigs(as_rig(found, faulty), rig)
    assert error.rotation_deg.max() <= 0.05
    assert error.focal_percent.max() <= 0.5


def test_lens_distortion_is_found_when_it_is_there_and_not_when_not() -> None:
    for k1 in (0.0, -0.2):
        rig, exact, _, rng = scene(6, dist=(k1, 0, 0, 0, 0))
        noisy = synthetic.degrade(exact, rng, noise_px=2.0)
        found = calibrate_views([noisy], OPTIONS)
        assert (found.lens.radial > 0) == (k1 != 0)
        assert np.median(compare_rigs(as_rig(found, noisy), rig).rotation_deg) <= 0.3


def test_same_cameras_share_a_focal_length_and_different_ones_do_not() -> None:
    for focals, shared in (((1300.0,) * 4, True), ((1100.0, 1300.0, 1500.0, 1250.0), False)):
        rng = np.random.default_rng(7)
        rig = synthetic.camera_ring(4, focal_px=focals, height_m=(1.0, 2.0, 1.5, 2.2))
        exact = synthetic.observe(rig, synthetic.walk(rng, ticks=150))
        noisy = synthetic.degrade(exact, rng, noise_px=4.0)
        found = calibrate_views([noisy], OPTIONS)
        assert found.lens.shared == shared
        assert compare_rigs(as_rig(found, noisy), rig).focal_percent.mean() <= 1.0


@pytest.mark.parametrize("cameras", [2, 3, 8])
def test_any_number_of_cameras(cameras: int) -> None:
    rig, exact, _, rng = scene(8, count=cameras, arc_deg=150.0 if cameras < 4 else 360.0)
    noisy = synthetic.degrade(exact, rng, noise_px=2.0)
    error = compare_rigs(as_rig(calibrate_views([noisy], OPTIONS), noisy), rig)
    assert np.median(error.rotation_deg) <= 0.5


def test_order_of_cameras_does_not_matter() -> None:
    _, exact, _, rng = scene(9)
    noisy = synthetic.degrade(exact, rng, noise_px=4.0, outliers=0.05)
    order = [2, 0, 3, 1]
    other = Keypoints2D(
        noisy.xy_px[order],
        noisy.score[order],
        noisy.time_s,
        tuple(noisy.cameras[i] for i in order),
        noisy.size_px[order],
        noisy.skeleton,
    )
    a = as_rig(calibrate_views([noisy], OPTIONS), noisy)
    b = as_rig(calibrate_views([other], OPTIONS), other)
    # Sampling differs with the order, the answer does not beyond its noise.
    assert compare_rigs(b.select(a.names), a).rotation_deg.max() <= 0.2


def test_same_input_same_rig() -> None:
    _, exact, _, rng = scene(10)
    noisy = synthetic.degrade(exact, rng, noise_px=4.0, outliers=0.05)
    a, b = (calibrate_views([noisy], OPTIONS) for _ in range(2))
    np.testing.assert_array_equal(a.views.R, b.views.R)
    np.testing.assert_array_equal(a.views.focal, b.views.focal)


def test_gaps_and_missing_joints() -> None:
    rig, exact, _, _ = scene(11)
    xy, score = exact.xy_px.copy(), exact.score.copy()
    xy[1, 40:90], score[1, 40:90] = np.nan, np.nan
    xy[2, :, 9], score[2, :, 9] = np.nan, np.nan
    holes = replace(exact, xy_px=xy, score=score)
    error = compare_rigs(as_rig(calibrate_views([holes], OPTIONS), holes), rig)
    assert error.rotation_deg.max() <= 0.02


def test_cameras_that_never_share_a_moment_are_refused() -> None:
    _, exact, _, _ = scene(12, count=2, arc_deg=90.0)
    xy, score = exact.xy_px.copy(), exact.score.copy()
    xy[0, :75], xy[1, 75:] = np.nan, np.nan
    score[0, :75], score[1, 75:] = np.nan, np.nan
    with pytest.raises(CalibrationError, match="two cameras at once"):
        calibrate_views([replace(exact, xy_px=xy, score=score)], OPTIONS)


def test_a_camera_without_overlap_is_named() -> None:
    _, exact, _, _ = scene(13)
    xy, score = exact.xy_px.copy(), exact.score.copy()
    xy[2], score[2] = np.nan, np.nan
    with pytest.raises(CalibrationError, match="cam2"):
        calibrate_views([replace(exact, xy_px=xy, score=score)], OPTIONS)


def test_scale_and_floor_and_up() -> None:
    for seed in (14, 15, 16):
        rig, exact, walk, rng = scene(seed)
        noisy = synthetic.degrade(exact, rng, noise_px=3.0)
        found = as_rig(calibrate_views([noisy], OPTIONS), noisy, walk.stature_m)
        error = compare_rigs(found, rig)
        assert error.scale == pytest.approx(
            1.0, abs=0.06
        )  # stature to legs and trunk varies by 1.7 %
        tilt = error.rotation[:, 2] @ np.array([0.0, 0.0, 1.0])
        assert np.degrees(np.arccos(tilt)) <= 3.0
        heights = [
            (a.center[2], b.center[2]) for a, b in zip(found.cameras, rig.cameras, strict=True)
        ]
        assert max(abs(a - b) for a, b in heights) <= 0.25
        assert found.scale_source == "stature given"


def test_unknown_stature_is_labelled() -> None:
    _, exact, _, _ = scene(17)
    rig = as_rig(calibrate_views([exact], OPTIONS), exact)
    assert rig.scale_source == "population prior"
    assert rig.scale_sigma > 0.05
