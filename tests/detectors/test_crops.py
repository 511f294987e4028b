import numpy as np
import pytest

from gentri.detectors.crops import Image, Region, cut, fit, person_region


def blob(width: int, height: int, center: tuple[float, float], radius: float) -> Image:
    """A smooth spot whose centroid is exactly `center` (integer coordinates: pixel centres)."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    spot = 250 * np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / (2 * radius**2))
    return np.repeat(np.round(spot).astype(np.uint8)[..., None], 3, axis=2)


def centroid(image: Image) -> np.ndarray:
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def to_frame(u: np.ndarray, region: Region) -> np.ndarray:
    """MMPose's way back from the input to the frame."""
    return u / np.array(region.input_size) * region.scale + region.center - region.scale / 2


@pytest.mark.parametrize("side", [200.0, 256.0, 431.7, 800.0, 1300.5])
@pytest.mark.parametrize("where", [(500.0, 700.0), (503.3, 698.6)])
def test_crop_and_back_has_no_bias(side: float, where: tuple[float, float]) -> None:
    radius = side / 20
    frame = blob(1080, 1920, where, radius)
    region = Region(np.array([510.2, 690.9]), np.array([side, side]), (256, 256))
    found = to_frame(centroid(cut(frame, region)), region)
    np.testing.assert_allclose(found, where, atol=0.05 * max(1.0, side / 256))


def test_upscaled_crop_has_no_bias() -> None:
    frame = blob(300, 200, (120.4, 88.7), 6)
    region = Region(np.array([118.0, 90.0]), np.array([96.0, 128.0]), (192, 256))
    found = to_frame(centroid(cut(frame, region)), region)
    np.testing.assert_allclose(found, (120.4, 88.7), atol=0.05)


@pytest.mark.parametrize("center", [(0.0, 0.0), (1079.0, 1919.0), (-300.0, 500.0), (540.0, 2100.0)])
def test_outside_the_frame_is_black(center: tuple[float, float]) -> None:
    frame = np.full((1920, 1080, 3), 200, np.uint8)
    region = Region(np.array(center), np.array([900.0, 900.0]), (256, 256))
    crop = cut(frame, region)
    u = (np.arange(256) / 256 - 0.5) * 900
    x, y = center[0] + u, center[1] + u
    clear = 8  # frame pixels: block averaging and sampling soften the edge
    inside = ((y > clear) & (y < 1919 - clear))[:, None] & ((x > clear) & (x < 1079 - clear))[None]
    outside = ((y < -clear) | (y > 1919 + clear))[:, None] | ((x < -clear) | (x > 1079 + clear))
    assert (crop[inside] == 200).all()
    assert (crop[outside] == 0).all()


def test_region_has_the_shape_of_the_input() -> None:
    region = person_region(np.array([100.0, 200.0, 200.0, 600.0]), (192, 256), 1.25)
    np.testing.assert_allclose(region.center, [150, 400])
    np.testing.assert_allclose(region.scale, [400 * 0.75 * 1.25, 400 * 1.25])
    wide = person_region(np.array([0.0, 0.0, 600.0, 100.0]), (192, 256), 1.0)
    np.testing.assert_allclose(wide.scale, [600, 800])


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080), (320, 200), (641, 479)])
def test_fitted_frame_maps_back_without_bias(size: tuple[int, int]) -> None:
    where = np.array([size[0] * 0.43, size[1] * 0.61])
    fitted = fit(blob(*size, (where[0], where[1]), max(size) / 25), 384, multiple=32, fill=0)
    assert fitted.image.shape[0] % 32 == fitted.image.shape[1] % 32 == 0
    assert max(fitted.used) == 384
    found = (centroid(fitted.image) + 0.5) / fitted.scale - 0.5
    np.testing.assert_allclose(found, where, atol=0.05 * max(size) / 384)


def test_fitted_frame_fills_the_rest() -> None:
    fitted = fit(np.full((100, 50, 3), 9, np.uint8), 64, multiple=64, fill=114)
    assert fitted.image.shape == (64, 64, 3)
    assert (fitted.image[:, :32] == 9).all() and (fitted.image[:, 32:] == 114).all()
