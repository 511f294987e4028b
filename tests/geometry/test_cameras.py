import numpy as np
import pytest

from gentri.data import Camera, Rigid3
from gentri.geometry.cameras import pinhole_K, project, undistort

LENSES = {
    "straight": (0.0, 0.0, 0.0, 0.0, 0.0),
    "phone": (0.08, -0.2, 1e-3, -5e-4, 0.05),
    "action camera": (-0.28, 0.09, -1e-3, 2e-3, -0.01),
}


def camera(dist: tuple[float, ...]) -> Camera:
    pose = Rigid3(np.eye(3), np.array([0.1, -0.2, 0.3]))
    return Camera("a", 1920, 1080, pinhole_K(1920, 1080, 1100.0), np.array(dist), pose, "given")


@pytest.fixture
def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform([-2.5, -1.4, 3.0], [2.5, 1.4, 8.0], (500, 3))


@pytest.mark.parametrize("dist", LENSES.values(), ids=LENSES.keys())
def test_projection_equals_opencv(dist: tuple[float, ...], points: np.ndarray) -> None:
    import cv2

    c = camera(dist)
    expected = cv2.projectPoints(points, np.zeros(3), c.cam_from_world.t, c.K, c.dist)[0][:, 0]
    np.testing.assert_allclose(project(c, points), expected, atol=1e-9)


@pytest.mark.parametrize("dist", LENSES.values(), ids=LENSES.keys())
def test_undistort_inverts_projection(dist: tuple[float, ...], points: np.ndarray) -> None:
    c = camera(dist)
    p = c.cam_from_world.apply(points)
    np.testing.assert_allclose(undistort(c, project(c, points)), p[:, :2] / p[:, 2:], atol=1e-9)


def test_skewed_pixels_are_inverted(points: np.ndarray) -> None:
    c = camera(LENSES["phone"])
    K = c.K.copy()
    K[0, 1] = 3.0
    skewed = Camera(c.name, c.width, c.height, K, c.dist, c.cam_from_world, "given")
    p = skewed.cam_from_world.apply(points)
    expected = p[:, :2] / p[:, 2:]
    np.testing.assert_allclose(undistort(skewed, project(skewed, points)), expected, atol=1e-9)


def test_a_point_behind_the_camera_has_no_pixel() -> None:
    c = camera(LENSES["straight"])
    xy = project(c, np.array([[0.0, 0.0, -5.0], [0.0, 0.0, 5.0], [np.nan, 0.0, 5.0]]))
    assert np.isnan(xy[[0, 2]]).all()
    assert np.isfinite(xy[1]).all()


def test_missing_pixels_stay_missing() -> None:
    for dist in LENSES.values():
        rays = undistort(camera(dist), np.array([[np.nan, np.nan], [900.0, 500.0]]))
        assert np.isnan(rays[0]).all()
        assert np.isfinite(rays[1]).all()


def test_a_pixel_that_the_lens_cannot_make_is_missing_not_wrong() -> None:
    # With k1 = −0.28 alone, the radius 0.73 is the largest that any ray reaches.
    c = camera((-0.28, 0.0, 0.0, 0.0, 0.0))
    far = c.K[:2, 2] + np.array([0.9 * c.K[0, 0], 0.0])
    assert np.isnan(undistort(c, far)).all()


def test_the_principal_point_is_the_middle_of_the_pixel_grid() -> None:
    K = pinhole_K(640, 480, 500.0)
    assert (K[0, 2], K[1, 2]) == (319.5, 239.5)
