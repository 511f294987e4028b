"""Every way to find a relative pose: exact joints, wrong joints, too few; and the refinement."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri.geometry.comparison import rotation_angle
from gentri.geometry.epipolar import TwoViewSolver, sampson, skew
from gentri.geometry.two_view import relative_pose_of_frames
from gentri.geometry.two_view_refinement import _residuals, refine_pose
from gentri.geometry.two_view_solvers import SOLVERS, essential_matrix

THRESHOLD = 0.005
ROBUST = sorted(set(SOLVERS) - {"eight_point"})


def scene(seed: int, count: int = 200) -> tuple[np.ndarray, ...]:
    """R, unit t, and normalised image coordinates (N, 2) in both cameras."""
    rng = np.random.default_rng(seed)
    R = Rotation.from_euler("yx", [rng.uniform(0.5, 1.5), rng.uniform(-0.2, 0.2)]).as_matrix()
    t = np.array([0.0, 0.0, 5.0]) - R @ np.array([0.0, 0.0, 5.0]) + rng.normal(0, 0.2, 3)
    a = np.array([0.0, 0.0, 5.0]) + rng.uniform(-1.3, 1.3, (count, 3))
    b = a @ R.T + t
    return R, t / np.linalg.norm(t), a[:, :2] / a[:, 2:], b[:, :2] / b[:, 2:]


@pytest.mark.parametrize("name", sorted(SOLVERS))
@pytest.mark.parametrize("seed", range(3))
def test_exact_joints_give_the_exact_pose(name: str, seed: int) -> None:
    R, t, a, b = scene(seed)
    pose = SOLVERS[name](a, b, THRESHOLD)
    assert pose is not None
    assert rotation_angle(pose.R.T @ R) < 1e-4  # OpenCV stops there
    np.testing.assert_allclose(pose.t, t, atol=2e-4)
    assert pose.inlier.all()
    assert pose.in_front == 1.0


@pytest.mark.parametrize("name", ROBUST)
def test_a_fifth_of_wrong_joints_is_told_apart(name: str) -> None:
    R, _, a, b = scene(1)
    wrong = np.arange(len(b)) < len(b) // 5
    b = np.where(wrong[:, None], np.random.default_rng(1).uniform(-0.3, 0.3, b.shape), b)
    pose = SOLVERS[name](a, b, THRESHOLD)
    assert pose is not None
    assert np.degrees(rotation_angle(pose.R.T @ R)) < 0.3
    assert pose.inlier[~wrong].all()
    assert pose.inlier[wrong].mean() < 0.3


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_too_few_joints_have_no_pose(name: str) -> None:
    _, _, a, b = scene(2, 7)
    assert SOLVERS[name](a, b, THRESHOLD) is None
    assert SOLVERS[name](a[:0], b[:0], THRESHOLD) is None


@pytest.mark.parametrize("name", ROBUST)
def test_exchanged_sides_are_found_with_any_solver(name: str) -> None:
    R, _, a, b = scene(3, 240)
    a, b = a.reshape(60, 4, 2), b.reshape(60, 4, 2)
    mirror = np.array([1, 0, 3, 2])
    swapped = np.arange(60) % 6 == 0
    seen = np.where(swapped[:, None, None], b[:, mirror], b)
    pose, found = relative_pose_of_frames(a, seen, THRESHOLD, mirror, solver=SOLVERS[name])
    assert pose is not None
    assert np.degrees(rotation_angle(pose.R.T @ R)) < 0.3
    assert not found[~swapped].any()
    assert found[swapped].mean() >= 0.8


@pytest.mark.parametrize("name", ["refined", "eight_point"])
def test_joints_without_confidence_do_not_count(name: str) -> None:
    R, _, a, b = scene(4)
    weight = np.ones(len(b))
    weight[:40] = 0.0
    b = np.where(weight[:, None] > 0, b, b + np.array([0.004, -0.004]))
    with_weights = SOLVERS[name](a, b, THRESHOLD, weight=weight)
    alike = SOLVERS[name](a, b, THRESHOLD)
    assert with_weights is not None
    assert alike is not None
    assert rotation_angle(with_weights.R.T @ R) < 1e-5
    assert rotation_angle(alike.R.T @ R) > 1e-4


def test_refinement_makes_use_of_confidence() -> None:
    """Half of the joints err six times as much as the others, and say so."""
    errors: dict[str, list[float]] = {"refined": [], "poselib": []}
    for seed in range(12):
        R, _, a, b = scene(seed, 400)
        rng = np.random.default_rng(seed)
        sigma = np.where(rng.uniform(size=len(a)) < 0.5, 0.0005, 0.003)
        a, b = (v + sigma[:, None] * rng.normal(size=v.shape) for v in (a, b))
        for name, found in errors.items():
            pose = SOLVERS[name](a, b, THRESHOLD, weight=0.0005**2 / sigma**2)
            assert pose is not None
            found.append(rotation_angle(pose.R.T @ R))
    assert np.median(errors["refined"]) < 0.8 * np.median(errors["poselib"])


def test_derivatives_agree_with_differences() -> None:
    R, t, a, b = scene(5, 20)
    rng = np.random.default_rng(5)
    R = Rotation.from_rotvec(rng.normal(0, 0.05, 3)).as_matrix() @ R
    ah, bh = (np.c_[v, np.ones(len(v))] for v in (a, b))
    r, J = _residuals(R, t, ah, bh)
    np.testing.assert_allclose(r**2, sampson(skew(t) @ R, a, b), atol=1e-14)
    across = np.linalg.svd(t[None])[2][1:]
    for k in range(5):
        step = np.zeros(5)
        step[k] = 1e-6

        def at(d: np.ndarray) -> np.ndarray:
            turned = Rotation.from_rotvec(d[:3]).as_matrix() @ R
            return _residuals(turned, t + d[3:] @ across, ah, bh)[0]

        np.testing.assert_allclose(J[:, k], (at(step) - at(-step)) / 2e-6, atol=1e-7)


def test_refinement_returns_from_afar_and_stays_at_the_optimum() -> None:
    R, t, a, b = scene(6)
    off = Rotation.from_rotvec([0.1, -0.05, 0.08]).as_matrix() @ R
    weight = np.ones(len(a))
    back, direction = refine_pose(off, t + np.array([0.1, 0.1, -0.1]), a, b, weight, 0.05)
    assert rotation_angle(back.T @ R) < 1e-7
    np.testing.assert_allclose(direction, t, atol=1e-7)
    again, _ = refine_pose(back, direction, a, b, weight, 0.05)
    assert rotation_angle(again.T @ back) < 1e-7


def test_the_essential_matrix_of_exact_joints_fulfils_its_equation() -> None:
    _, _, a, b = scene(7, 30)
    E = essential_matrix(a, b, np.ones(30))
    ah, bh = (np.c_[v, np.ones(len(v))] for v in (a, b))
    np.testing.assert_allclose(((bh @ E) * ah).sum(-1), 0, atol=1e-9 * np.abs(E).max())


def test_solvers_share_one_signature() -> None:
    solver: TwoViewSolver
    for solver in SOLVERS.values():
        _, _, a, b = scene(8, 50)
        assert solver(a, b, THRESHOLD, 3, np.ones(50)) is not None
