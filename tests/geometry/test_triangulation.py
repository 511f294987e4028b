"""Points from rays: exact, missing, weighted and wrong ones."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri.geometry.triangulation import ray_directions, triangulate


def scene(seed: int, cameras: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Normalised image coordinates (C, 20, 6, 2), R, t of a ring, and the points (20, 6, 3)."""
    rng = np.random.default_rng(seed)
    turn = np.linspace(0, 2 * np.pi, cameras, endpoint=False) + rng.uniform(-0.3, 0.3, cameras)
    R = Rotation.from_euler("y", turn[:, None]).as_matrix()
    t = np.array([0.0, 0.0, 5.0]) + rng.normal(0, 0.3, (cameras, 3))
    xyz = rng.uniform(-1, 1, (20, 6, 3))
    p = np.einsum("cij,fkj->cfki", R, xyz) + t[:, None, None]
    return p[..., :2] / p[..., 2:], R, t, xyz


@pytest.mark.parametrize("cameras", [2, 3, 6])
@pytest.mark.parametrize("scale", [np.inf, 0.01])
def test_exact_rays_give_the_exact_point(cameras: int, scale: float) -> None:
    xy, R, t, xyz = scene(cameras, cameras)
    found = triangulate(xy, np.ones(xy.shape[:-1]), R, t, scale)
    np.testing.assert_allclose(found, xyz, atol=1e-9)


def test_a_joint_that_fewer_than_two_views_see_is_unknown() -> None:
    xy, R, t, xyz = scene(0)
    weight = np.ones(xy.shape[:-1])
    xy[1:, 0, 0] = np.nan  # one view is left
    weight[2:, 0, 1] = 0  # two are
    weight[:, 0, 2] = 0
    found = triangulate(xy, weight, R, t, 0.01)
    assert np.isnan(found[0, [0, 2]]).all()
    np.testing.assert_allclose(found[0, 1], xyz[0, 1], atol=1e-9)
    np.testing.assert_allclose(found[1:], xyz[1:], atol=1e-9)


def test_the_value_of_an_unseen_joint_does_not_matter() -> None:
    xy, R, t, _ = scene(1)
    weight = np.ones(xy.shape[:-1])
    weight[0, :, 3] = 0
    junk = xy.copy()
    junk[0, :, 3] = 1e6
    np.testing.assert_array_equal(triangulate(xy, weight, R, t), triangulate(junk, weight, R, t))


def test_one_wrong_view_of_five_is_overruled() -> None:
    xy, R, t, xyz = scene(2, 5)
    wrong = xy.copy()
    wrong[2] += 0.15  # 0.75 m at 5 m
    weight = np.ones(xy.shape[:-1])
    robust = np.linalg.norm(triangulate(wrong, weight, R, t, 0.01) - xyz, axis=-1)
    plain = np.linalg.norm(triangulate(wrong, weight, R, t) - xyz, axis=-1)
    assert np.median(robust) < 0.02
    assert np.median(robust) < 0.1 * np.median(plain)


def test_weight_decides_between_contradicting_views() -> None:
    xy, R, t, xyz = scene(3, 3)
    wrong = xy.copy()
    wrong[0] += 0.1
    weight = np.ones(xy.shape[:-1])
    equal = np.linalg.norm(triangulate(wrong, weight, R, t) - xyz, axis=-1)
    weight[0] = 0.01
    trusted = np.linalg.norm(triangulate(wrong, weight, R, t) - xyz, axis=-1)
    assert (trusted < 0.1 * equal).all()


def test_rays_have_unit_length_and_pass_through_the_point() -> None:
    xy, R, t, xyz = scene(4)
    d = np.moveaxis(ray_directions(xy.reshape(4, -1, 2), R), 1, -1).reshape(*xy.shape[:-1], 3)
    np.testing.assert_allclose(np.linalg.norm(d, axis=-1), 1, atol=1e-12)
    center = -np.einsum("cji,cj->ci", R, t)
    away = xyz - center[:, None, None]
    np.testing.assert_allclose(np.cross(d, away), 0, atol=1e-9)
    assert ((d * away).sum(-1) > 0).all()
