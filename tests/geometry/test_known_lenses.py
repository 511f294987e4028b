"""What is known of lenses beforehand, and rigs with it."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Camera, FloatArray, Intrinsics, Keypoints2D, Rig, Rigid3
from gentri.errors import InputError
from gentri.geometry.calibration import CalibratedViews, calibrate_views
from gentri.geometry.cameras import project
from gentri.geometry.comparison import compare_rigs
from gentri.geometry.known_lenses import fitted, known_lenses, pinhole_focal, pinhole_pixels
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.world import rig_in_world, world_of_person

OPTIONS = CalibrationOptions(
    frames=40,
    focal_prior=1.2,
    focal_sigma=0.3,
    focal_sharing="auto",
    distortion_sigma=0.1,
    center_sigma=0.01,
    bone_sigma=0.05,
    seed=0,
)
FEW = replace(OPTIONS, frames=24)

# Action camera: strong barrel distortion, lens not quite parallel to the sensor, off centre.
K = np.array([[1010.0, 1.5, 985.0], [0.0, 990.0, 520.0], [0.0, 0.0, 1.0]])
BENT = np.array([-0.3, 0.1, 0.002, -0.003, -0.01])


def lens(source: str = "given", sigma: float = 0.0, dist: FloatArray = BENT) -> Intrinsics:
    return Intrinsics(1920, 1080, K, dist, source, sigma)


def camera_of(told: Intrinsics) -> Camera:
    pose = Rigid3(np.eye(3), np.zeros(3))
    return Camera("cam", told.width, told.height, told.K, told.dist, pose, told.source)


def points(seed: int = 0) -> FloatArray:
    """In front of a camera at the origin, all over its picture."""
    rng = np.random.default_rng(seed)
    return rng.uniform([-0.8, -0.45, 1.0], [0.8, 0.45, 1.0], (200, 3)) * rng.uniform(1, 9, (200, 1))


@pytest.mark.parametrize("size", [(960, 540), (3840, 2160), (1280, 720), (1920, 1080)])
def test_another_resolution_of_the_same_camera(size: tuple[int, int]) -> None:
    """Pixel centres are at integers: the left edge of the picture is at −0.5 at any resolution."""
    scaled = fitted("cam", lens(), np.array(size, dtype=float))
    assert (scaled.width, scaled.height) == size
    zoom = np.array(size) / (1920, 1080)
    expected = (project(camera_of(lens()), points()) + 0.5) * zoom - 0.5
    np.testing.assert_allclose(project(camera_of(scaled), points()), expected, atol=1e-9)
    assert (scaled.source, scaled.focal_sigma) == ("given", 0.0)


def test_there_and_back_again() -> None:
    small = fitted("cam", lens(), np.array([640.0, 360.0]))
    np.testing.assert_allclose(fitted("cam", small, np.array([1920.0, 1080.0])).K, K, atol=1e-9)


@pytest.mark.parametrize("size", [(1920, 1088), (1920, 1072), (960, 544), (3840, 2176)])
def test_rows_that_a_coder_adds_or_cuts_off_move_nothing(size: tuple[int, int]) -> None:
    whole = np.array([size[0], size[0] * 9 / 16])
    found, expected = (fitted("cam", lens(), np.array(s, dtype=float)) for s in (size, whole))
    assert (found.width, found.height) == size
    np.testing.assert_array_equal(found.K, expected.K)


def test_columns_that_a_coder_adds_to_an_upright_picture_move_nothing() -> None:
    turned = np.array([[990.0, 0.0, 520.0], [0.0, 1010.0, 985.0], [0.0, 0.0, 1.0]])
    upright = Intrinsics(1080, 1920, turned, BENT, "given", 0.0)
    np.testing.assert_array_equal(fitted("cam", upright, np.array([1088.0, 1920.0])).K, upright.K)


@pytest.mark.parametrize("size", [(848, 480), (864, 480), (854, 488), (848, 496)])
def test_nearly_the_same_size_is_no_zoom(size: tuple[int, int]) -> None:
    told = Intrinsics(854, 480, K * [[0.445], [0.445], [1.0]], BENT, "given", 0.0)
    np.testing.assert_array_equal(fitted("cam", told, np.array(size, dtype=float)).K, told.K)


@pytest.mark.parametrize("size", [(1080, 1920), (1440, 1080), (320, 196), (160, 104)])
def test_another_shape_is_refused_with_both_sizes(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="door") as caught:
        fitted("door", lens(), np.array(size, dtype=float))
    assert "1920×1080" in str(caught.value)
    assert "{}×{}".format(*size) in str(caught.value)


def test_a_lens_without_rays_is_refused_with_its_numbers() -> None:
    mistaken = lens(dist=np.array([-1e6, 0.0, 0.0, 0.0, 0.0]))
    with pytest.raises(InputError, match=r"door has rays for 0 % .* is -1e\+06, 0, 0, 0, 0"):
        fitted("door", mistaken, np.array([1920.0, 1080.0]))
    half = lens(dist=np.array([-0.8, 0.0, 0.0, 0.0, 0.0]))  # folds within the picture
    assert fitted("door", half, np.array([1920.0, 1080.0])).dist[0] == -0.8


def test_pinhole_pixels_undo_the_lens() -> None:
    """Distorted pixels become those of a camera with one focal length, no skew, no distortion."""
    told = lens()
    focal = pinhole_focal(told.K)
    assert focal == pytest.approx(np.sqrt(1010.0 * 990.0))
    straight = np.array([[focal, 0, 985.0], [0, focal, 520.0], [0, 0, 1.0]])
    plain = replace(camera_of(told), K=straight, dist=np.zeros(5))
    found = pinhole_pixels(told, project(camera_of(told), points(1)))
    np.testing.assert_allclose(found, project(plain, points(1)), atol=1e-6)


def test_pinhole_pixels_of_a_straight_lens_are_the_pixels() -> None:
    square = replace(lens(), K=np.diag([900.0, 900.0, 1.0]) + 0.0, dist=np.zeros(5))
    xy = np.random.default_rng(0).uniform(0, 1000, (3, 5, 2))
    xy[1, 2] = np.nan
    np.testing.assert_allclose(pinhole_pixels(square, xy), xy, atol=1e-9)


def test_pixels_beyond_the_lens_model_are_not_measured() -> None:
    """With k1 = −0.3 alone no ray falls farther than 0.70 focal lengths from the centre."""
    told = Intrinsics(
        1920, 1080, np.diag([1000.0, 1000.0, 1.0]), np.array([-0.3, 0, 0, 0, 0]), "given", 0.0
    )
    r = np.linspace(0.0, 1500.0, 301)[:, None]
    found = pinhole_pixels(told, r * [0.8, 0.6])
    measured = np.isfinite(found).all(axis=-1)
    np.testing.assert_array_equal(measured, r[:, 0] < 702.7)
    assert (np.diff(found[measured], axis=0) > 0).all()


def test_what_is_known_of_each_camera() -> None:
    size = np.array([[1920, 1080], [960, 540], [1280, 720], [720, 1280]])
    told = {"a": lens(), "b": lens("metadata", 0.05), "d?": lens()}
    known = known_lenses(("a", "b", "c", "d"), size, told)
    np.testing.assert_allclose(known.focal_px[:2], pinhole_focal(K) * np.array([1.0, 0.5]))
    np.testing.assert_array_equal(known.unknown, [False, False, True, True])
    np.testing.assert_array_equal(known.focal_sigma, [0.0, 0.05, np.nan, np.nan])
    np.testing.assert_array_equal(known.undone, [True, False, False, False])
    np.testing.assert_array_equal(known.center_px[0], [985.0, 520.0])
    np.testing.assert_array_equal(known.center_px[1:], (size[1:] - 1) / 2)
    np.testing.assert_array_equal(known.short_side, [1080, 540, 720, 720])


def test_nothing_known() -> None:
    known = known_lenses(("a", "b"), np.array([[1920, 1080], [1280, 720]]), {})
    assert known.unknown.all()
    assert not known.undone.any()


# Rigs.


def scene(seed: int, count: int = 4) -> tuple[Rig, Keypoints2D, np.random.Generator]:
    """Cameras with lenses of their own, all strongly bent, and a walker."""
    rng = np.random.default_rng(seed)
    ring = synthetic.random_ring(rng, count, arc_deg=150.0 if count < 4 else 360.0)
    cameras = []
    for camera in ring.cameras:
        own = camera.K.copy()
        own[0, 0] *= rng.uniform(0.98, 1.02)
        own[:2, 2] += rng.uniform(-40, 40, 2)
        dist = np.array([-0.3, rng.uniform(0.05, 0.1), *rng.uniform(-0.003, 0.003, 2), 0.0])
        cameras.append(replace(camera, K=own, dist=dist))
    rig = Rig(tuple(cameras), "given", 0.0)
    return rig, synthetic.observe(rig, synthetic.walk(rng, ticks=120)), rng


def told(rig: Rig, *names: str, source: str = "given", sigma: float = 0.0) -> dict[str, Intrinsics]:
    return {
        c.name: Intrinsics(c.width, c.height, c.K, c.dist, source, sigma)
        for c in rig.cameras
        if c.name in names
    }


def calibrated(
    keypoints: Keypoints2D, known: dict[str, Intrinsics], options: CalibrationOptions = OPTIONS
) -> tuple[Rig, CalibratedViews]:
    found = calibrate_views([keypoints], options, known)
    world = world_of_person(found.views, found.xyz, 1.75)
    return rig_in_world(found.views, world, keypoints.cameras, keypoints.size_px, known), found


@pytest.mark.parametrize("count", [2, 4])
def test_bent_lenses_that_are_given_are_held_and_the_rig_is_exact(count: int) -> None:
    rig, keypoints, _ = scene(1, count)
    found, views = calibrated(keypoints, told(rig, *rig.names))
    for camera, truth in zip(found.cameras, rig.cameras, strict=True):
        np.testing.assert_array_equal(camera.K, truth.K)
        np.testing.assert_array_equal(camera.dist, truth.dist)
        assert camera.intrinsics_source == "given"
    error = compare_rigs(found, rig)
    assert error.rotation_deg.max() < 1e-3
    assert error.center_mm.max() < 0.5
    assert np.isnan(views.sigma_log_focal).all()
    assert np.nanmax(views.residual_px) < 0.01


def test_intrinsics_for_another_resolution_are_scaled_and_held() -> None:
    rig, keypoints, _ = scene(2, 3)
    half = {
        name: fitted(name, known, np.array([960.0, 540.0]))
        for name, known in told(rig, *rig.names).items()
    }
    found, _ = calibrated(keypoints, half)
    for camera, truth in zip(found.cameras, rig.cameras, strict=True):
        np.testing.assert_allclose(camera.K, truth.K, rtol=1e-12, atol=1e-9)
        assert (camera.width, camera.height) == (1920, 1080)
    assert compare_rigs(found, rig).rotation_deg.max() < 1e-3


def test_given_intrinsics_with_a_tolerance_keep_the_lens_and_move_the_focal_length() -> None:
    """Told 5 % too long, give or take 5 %: the person corrects it; the rest of K follows."""
    rig, keypoints, _ = scene(3, 3)
    known = told(rig, *rig.names, sigma=0.05)
    wrong = dict(known)
    first = known["cam0"]
    wrong["cam0"] = replace(first, K=first.K * [[1.05, 1.05, 1.0], [1.0, 1.05, 1.0], [1, 1, 1]])
    found, views = calibrated(keypoints, wrong)
    camera, truth = found.cameras[0], rig.cameras[0]
    assert pinhole_focal(camera.K) == pytest.approx(pinhole_focal(truth.K), rel=0.015)
    assert camera.K[0, 0] / camera.K[1, 1] == pytest.approx(truth.K[0, 0] / truth.K[1, 1])
    np.testing.assert_array_equal(camera.K[:2, 2], truth.K[:2, 2])
    np.testing.assert_array_equal(camera.dist, truth.dist)
    assert np.isfinite(views.sigma_log_focal).all()


def test_given_metadata_and_unknown_together() -> None:
    """cam0 is given with its bent lens, cam1 known to 3 % and straight, cam2 and cam3 unknown."""
    rng = np.random.default_rng(4)
    ring = synthetic.random_ring(rng, 4)
    bent = replace(ring.cameras[0], dist=np.array([-0.3, 0.08, 0.002, -0.002, 0.0]))
    rig = Rig((bent, *ring.cameras[1:]), "given", 0.0)
    keypoints = synthetic.observe(rig, synthetic.walk(rng, ticks=120))
    known = told(rig, "cam0") | told(rig, "cam1", source="metadata", sigma=0.03)
    found, views = calibrated(keypoints, known)
    sources = [c.intrinsics_source for c in found.cameras]
    assert sources == ["given", "metadata", "estimated", "estimated"]
    np.testing.assert_array_equal(found.cameras[0].K, bent.K)
    np.testing.assert_array_equal(found.cameras[0].dist, bent.dist)
    assert np.isnan(views.sigma_log_focal).tolist() == [True, False, False, False]
    error = compare_rigs(found, rig)
    assert error.rotation_deg.max() < 0.02
    assert error.focal_percent.max() < 0.1


def test_metadata_is_a_prior_and_no_more() -> None:
    """Metadata that are 6 % off at 3 % hardly bend a rig of 4 exact views: the data say more."""
    rng = np.random.default_rng(5)
    rig = synthetic.random_ring(rng, 3)
    keypoints = synthetic.observe(rig, synthetic.walk(rng, ticks=120))
    known = {
        name: replace(lens, K=lens.K * [[1.06, 1, 1], [1, 1.06, 1], [1, 1, 1]])
        for name, lens in told(rig, "cam2", source="metadata", sigma=0.03).items()
    }
    found, _ = calibrated(keypoints, known, FEW)
    assert compare_rigs(found, rig).focal_percent.max() < 0.3


def test_given_lenses_help_where_nothing_else_tells_the_focal_length() -> None:
    """Two cameras, 3 px of noise: rotations are better with the lenses than without."""
    better = []
    for seed in range(3):
        rig, exact, rng = scene(20 + seed, 2)
        rig = Rig(tuple(replace(c, dist=np.zeros(5)) for c in rig.cameras), "given", 0.0)
        exact = synthetic.observe(rig, synthetic.walk(rng, ticks=120))
        noisy = synthetic.degrade(exact, rng, noise_px=3.0)
        with_lens, _ = calibrated(noisy, told(rig, *rig.names), FEW)
        without, _ = calibrated(noisy, {}, FEW)
        better.append(
            compare_rigs(without, rig).rotation_deg[0]
            - compare_rigs(with_lens, rig).rotation_deg[0]
        )
    assert np.median(better) > 0


def test_intrinsics_of_another_shape_are_refused() -> None:
    _, keypoints, _ = scene(6, 2)
    portrait = Intrinsics(1080, 1920, K, BENT, "given", 0.0)
    with pytest.raises(InputError, match=r"cam1.*1080×1920.*1920×1080"):
        calibrate_views([keypoints], OPTIONS, {"cam1": portrait})
