"""Differences of rigs, against rigs that differ by a known amount."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri import synthetic
from gentri.data import Rig, Rigid3
from gentri.geometry.comparison import compare_rigs, rotation_angle, similarity


def moved(rig: Rig, scale: float, R: np.ndarray, t: np.ndarray) -> Rig:
    """The same cameras in another world, x' = scale · R x + t."""
    cameras = []
    for c in rig.cameras:
        turned = c.cam_from_world.R @ R.T
        pose = Rigid3(turned, scale * c.cam_from_world.t - turned @ t)
        cameras.append(replace(c, cam_from_world=pose))
    return replace(rig, cameras=tuple(cameras))


@pytest.mark.parametrize("count", [2, 3, 8])
@pytest.mark.parametrize("seed", range(3))
def test_another_world_and_scale_make_no_difference(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, count, arc_deg=150.0)
    R = Rotation.random(random_state=seed).as_matrix()
    other = moved(rig, 2.5, R, rng.normal(size=3))
    error = compare_rigs(other, rig)
    # The arc tangent of a sine below 1e-15.
    np.testing.assert_allclose(error.rotation_deg, 0, atol=1e-9)
    np.testing.assert_allclose(error.center_mm, 0, atol=1e-9)
    np.testing.assert_allclose(error.focal_percent, 0, atol=1e-12)
    assert error.scale == pytest.approx(1 / 2.5, abs=1e-9)
    np.testing.assert_allclose(error.rotation, R.T, atol=1e-9)
    assert len(error.rotation_deg) == count * (count - 1) // 2


def test_known_errors_are_told() -> None:
    rig = synthetic.camera_ring(4)
    first, second, *others = rig.cameras
    turn = Rotation.from_rotvec(np.radians([0.0, 0.0, 3.0])).as_matrix()
    pose = first.cam_from_world
    K = second.K.copy()
    K[0, 0], K[1, 1] = 1.02 * K[0, 0], 1.04 * K[1, 1]
    faulty = replace(
        rig,
        cameras=(
            # Turned about its own centre.
            replace(first, cam_from_world=Rigid3(turn @ pose.R, turn @ pose.t)),
            replace(second, K=K),
            *others,
        ),
    )
    error = compare_rigs(faulty, rig)
    np.testing.assert_allclose(error.rotation_deg, [3, 3, 3, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(error.focal_percent, [0, 3, 0, 0], atol=1e-9)
    np.testing.assert_allclose(error.center_mm, 0, atol=1e-9)


def test_a_camera_out_of_place_shows_in_the_centres() -> None:
    rig = synthetic.camera_ring(8)
    first, *others = rig.cameras
    pose = first.cam_from_world
    away = Rigid3(pose.R, pose.t - pose.R @ np.array([0.0, 0.0, 0.1]))  # 100 mm higher
    faulty = replace(rig, cameras=(replace(first, cam_from_world=away), *others))
    error = compare_rigs(faulty, rig)
    assert int(error.center_mm.argmax()) == 0
    assert 50 < error.center_mm[0] <= 100  # the similarity takes up a part
    assert error.center_rms_mm == pytest.approx(np.sqrt(np.mean(error.center_mm**2)))


def test_rigs_of_other_cameras_are_refused() -> None:
    rig = synthetic.camera_ring(3)
    with pytest.raises(ValueError, match="cameras differ"):
        compare_rigs(rig, rig.select(("cam1", "cam0", "cam2")))


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-7, 1e-3, 1.0, 3.0, np.pi])
def test_rotation_angle_is_exact_from_tiny_to_straight(angle: float) -> None:
    axis = np.array([1.0, -2.0, 0.5]) / np.linalg.norm([1.0, -2.0, 0.5])
    R = Rotation.from_rotvec(angle * axis).as_matrix()
    assert rotation_angle(R) == pytest.approx(angle, rel=1e-6, abs=1e-15)


def test_similarity_never_mirrors() -> None:
    """Points that a reflection would fit better still get a rotation."""
    a = np.random.default_rng(0).normal(size=(20, 3))
    _, R, _ = similarity(a, a * [1, 1, -1])
    assert np.linalg.det(R) == pytest.approx(1.0)


def test_similarity_of_noisy_points_is_the_least_squares_one() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=(30, 3))
    b = 1.5 * a @ Rotation.random(random_state=1).as_matrix().T + rng.normal(0, 0.1, (30, 3))
    scale, R, t = similarity(a, b)

    def cost(scale: float, R: np.ndarray, t: np.ndarray) -> float:
        return float(((scale * a @ R.T + t - b) ** 2).sum())

    best = cost(scale, R, t)
    for _ in range(50):
        turn = Rotation.from_rotvec(rng.normal(0, 1e-3, 3)).as_matrix()
        other = (scale * (1 + rng.normal(0, 1e-3)), turn @ R, t + rng.normal(0, 1e-3, 3))
        assert cost(*other) > best
