"""Relative pose of two cameras from exact, swapped, sparse and meaningless joints."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri.geometry.comparison import rotation_angle
from gentri.geometry.epipolar import sampson, share_in_front, skew
from gentri.geometry.two_view import (
    relative_pose,
    relative_pose_of_frames,
)

THRESHOLD = 0.005
MIRROR = np.array([1, 0, 3, 2, 4])  # two pairs of sides and a joint on the midline


def cameras(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """b_from_a of two cameras that look at the region around (0, 0, 5) of the first."""
    rng = np.random.default_rng(seed)
    R = Rotation.from_euler("yx", [rng.uniform(0.5, 1.5), rng.uniform(-0.2, 0.2)]).as_matrix()
    t = np.array([0.0, 0.0, 5.0]) - R @ np.array([0.0, 0.0, 5.0]) + rng.normal(0, 0.2, 3)
    return R, t


def people(seed: int, frames: int = 60) -> np.ndarray:
    """Joints (F, 5, 3) that move about in front of both cameras."""
    rng = np.random.default_rng(seed)
    place = np.array([0.0, 0.0, 5.0]) + rng.uniform(-1, 1, (frames, 1, 3))
    return place + rng.uniform(-0.5, 0.5, (frames, 5, 3))


def views(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """R, t, and normalised image coordinates (F, 5, 2) in both cameras."""
    R, t = cameras(seed)
    a = people(seed)
    b = a @ R.T + t
    return R, t, a[..., :2] / a[..., 2:], b[..., :2] / b[..., 2:]


@pytest.mark.parametrize("seed", range(5))
def test_exact_joints_give_the_exact_pose(seed: int) -> None:
    R, t, a, b = views(seed)
    pose = relative_pose(a.reshape(-1, 2), b.reshape(-1, 2), THRESHOLD)
    assert pose is not None
    assert rotation_angle(pose.R.T @ R) < 1e-6
    np.testing.assert_allclose(pose.t, t / np.linalg.norm(t), atol=1e-6)
    assert pose.inlier.all()
    assert pose.in_front == 1.0
    assert pose.support == a.shape[0] * a.shape[1]


def test_outliers_are_told_apart() -> None:
    R, _, a, b = views(1)
    a, b = a.reshape(-1, 2), b.reshape(-1, 2).copy()
    wrong = np.random.default_rng(1).permutation(len(b))[: len(b) // 4]
    b[wrong] += np.random.default_rng(2).uniform(0.1, 0.4, (len(wrong), 2))
    pose = relative_pose(a, b, THRESHOLD)
    assert pose is not None
    assert rotation_angle(pose.R.T @ R) < 1e-3
    right = np.ones(len(b), dtype=bool)
    right[wrong] = False
    assert pose.inlier[right].all()
    # A wrong point that happens to lie on its epipolar line cannot be recognised.
    assert pose.inlier[wrong].mean() < 0.1


def test_the_same_seed_gives_the_same_pose() -> None:
    _, _, a, b = views(2)
    noise = np.random.default_rng(0).normal(0, 0.003, a.shape)
    noisy = (a + noise).reshape(-1, 2)
    first, again = (relative_pose(noisy, b.reshape(-1, 2), THRESHOLD, 7) for _ in range(2))
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first.R, again.R)
    np.testing.assert_array_equal(first.inlier, again.inlier)


def test_confidence_decides_between_views_that_contradict() -> None:
    R, _, a, b = views(9)
    biased = b + np.array([0.004, 0.0])
    scores = np.ones(a.shape[:2])
    scores[::2] = 1e-3
    halves = np.where((scores < 1)[..., None], biased, b)
    pose, _ = relative_pose_of_frames(a, halves, THRESHOLD, MIRROR, weights=(scores, scores))
    alike, _ = relative_pose_of_frames(a, halves, THRESHOLD, MIRROR)
    assert pose is not None
    assert alike is not None
    error, without = (rotation_angle(p.R.T @ R) for p in (pose, alike))
    assert error < 0.2 * without


def test_fewer_than_eight_joints_have_no_pose() -> None:
    _, _, a, b = views(3)
    a, b = a.reshape(-1, 2), b.reshape(-1, 2)
    assert relative_pose(a[:7], b[:7], THRESHOLD) is None
    assert relative_pose(a[:8], b[:8], THRESHOLD) is not None


def test_pure_noise_finds_hardly_any_support() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.uniform(-0.5, 0.5, (2, 300, 2))
    pose = relative_pose(a, b, THRESHOLD)
    assert pose is None or pose.support < 0.2 * len(a)


def test_sampson_distance_is_the_first_order_distance_to_the_epipolar_geometry() -> None:
    """Against the definition, residual² / |its gradient|², with the gradient by differences."""
    R, t, a, b = views(5)
    E = skew(t) @ R
    rng = np.random.default_rng(5)
    a, b = (v.reshape(-1, 2)[:50] + rng.normal(0, 0.01, (50, 2)) for v in (a, b))

    def residual(x: np.ndarray) -> float:
        return np.r_[x[2:], 1] @ E @ np.r_[x[:2], 1]

    for x, distance in zip(np.hstack([a, b]), sampson(E, a, b), strict=True):
        h = 1e-6 * np.eye(4)
        gradient = [(residual(x + step) - residual(x - step)) / 2e-6 for step in h]
        assert distance == pytest.approx(residual(x) ** 2 / np.dot(gradient, gradient), rel=1e-6)


def test_sampson_distance_of_exact_joints_is_zero() -> None:
    R, t, a, b = views(6)
    np.testing.assert_allclose(sampson(skew(t) @ R, a, b), 0, atol=1e-25)


def test_skew_is_the_cross_product() -> None:
    v, w = np.random.default_rng(7).normal(size=(2, 10, 3))
    np.testing.assert_allclose((skew(v) @ w[..., None])[..., 0], np.cross(v, w), atol=1e-15)


def test_the_four_poses_of_one_essential_matrix_differ_by_what_lies_in_front() -> None:
    """Hartley and Zisserman, §9.6.3: only one of them has the points in front of both cameras."""
    R, t, a, b = views(8)
    a, b = a.reshape(-1, 2), b.reshape(-1, 2)
    axis = t / np.linalg.norm(t)
    twisted = (2 * np.outer(axis, axis) - np.eye(3)) @ R
    assert share_in_front(R, t, a, b) == 1.0
    assert share_in_front(R, -t, a, b) == 0.0
    assert share_in_front(twisted, t, a, b) == 0.0
    assert share_in_front(twisted, -t, a, b) == 0.0


def test_parallel_rays_lie_in_front_of_nobody() -> None:
    ray = np.array([[0.1, 0.2]])
    assert share_in_front(np.eye(3), np.array([1.0, 0.0, 0.0]), ray, ray) == 0.0
    assert share_in_front(np.eye(3), np.array([1.0, 0.0, 0.0]), ray[:0], ray[:0]) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_frames_with_exchanged_sides_are_found(seed: int) -> None:
    R, _, a, b = views(seed)
    swapped = np.random.default_rng(seed).uniform(size=len(b)) < 0.2
    b = np.where(swapped[:, None, None], b[:, MIRROR], b)
    b[3, 2], a[10] = np.nan, np.nan
    pose, found = relative_pose_of_frames(a, b, THRESHOLD, MIRROR)
    assert pose is not None
    assert rotation_angle(pose.R.T @ R) < 1e-3
    assert not found[~swapped].any()
    # A pose that looks alike from both sides may stay as it is.
    assert found[swapped & (np.arange(len(b)) != 10)].mean() >= 0.9
    assert not found[10]


def test_frames_that_nobody_saw_have_no_pose() -> None:
    nothing = np.full((20, 5, 2), np.nan)
    pose, swapped = relative_pose_of_frames(nothing, nothing, THRESHOLD, MIRROR)
    assert pose is None
    assert not swapped.any()
