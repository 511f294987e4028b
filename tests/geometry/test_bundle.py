from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri.geometry.adjustment_problem import Observations, Priors, Problem, State, held
from gentri.geometry.bundle import COARSE, FINE, ROUGH, adjust
from gentri.geometry.normal_equations import normal_equations
from gentri.geometry.projection import (
    CAMERA_PARAMS,
    Views,
    project_views,
    projection_jacobians,
)

BONES = np.array([[0, 1], [1, 2], [2, 3]])


def scene(
    seed: int, cameras: int = 4, frames: int = 30, joints: int = 5
) -> tuple[Views, np.ndarray]:
    """Cameras on a ring around joints of constant bone lengths that wander through a room."""
    rng = np.random.default_rng(seed)
    azimuth = np.linspace(0, 2 * np.pi, cameras, endpoint=False) + rng.uniform(-0.3, 0.3, cameras)
    R = Rotation.from_euler("y", azimuth[:, None]).as_matrix()
    R = Rotation.from_euler("xz", rng.normal(0, 0.1, (cameras, 2))).as_matrix() @ R
    t = np.array([0, 0, 1.0]) + rng.normal(0, 0.05, (cameras, 3))
    center = np.array([960.0, 540.0]) + np.zeros((cameras, 2))
    k = np.stack([rng.uniform(-0.1, 0.1, cameras), rng.uniform(-0.02, 0.02, cameras)], -1)
    views = Views(R, t, rng.uniform(900, 1600, cameras), center, k)
    step = rng.normal(size=(frames, joints - 1, 3))
    step *= 0.08 / np.linalg.norm(step, axis=-1, keepdims=True)
    root = rng.uniform(-0.2, 0.2, (frames, 1, 3))
    return views, np.concatenate([root, root + np.cumsum(step, axis=1)], axis=1)


def observe(views: Views, xyz: np.ndarray) -> Observations:
    uv, _ = project_views(views, xyz)
    return Observations(
        uv,
        np.full(uv.shape[:-1], 5.0),
        np.ones(uv.shape[:-1]),
        BONES,
        np.zeros(uv.shape[1], dtype=int),
    )


LENS_SIGMAS = ("sigma_k1", "sigma_k2")  # one number serves for all cameras


def priors(views: Views, **changes: object) -> Priors:
    one = np.ones(len(views.focal))
    base = Priors(
        log_focal=np.log(1200.0) * one,
        sigma_log_focal=0.3 * one,
        lens_group=np.arange(len(one)),
        center_px=np.array([960.0, 540.0]) * one[:, None],
        sigma_center_px=0 * one,
        sigma_k1=0 * one,
        sigma_k2=0 * one,
    )
    return replace(base, **{k: v * one if k in LENS_SIGMAS else v for k, v in changes.items()})


def turned(views: Views, c: int, column: int, h: float) -> Views:
    """One local camera parameter moved by h."""
    R, t, focal, center, k = (
        v.copy() for v in (views.R, views.t, views.focal, views.center, views.k)
    )
    if column < 3:
        R[c] = Rotation.from_rotvec(h * np.eye(3)[column]).as_matrix() @ R[c]
    elif column < 6:
        t[c, column - 3] += h
    elif column == 6:
        focal[c] *= np.exp(h)
    elif column < 9:
        center[c, column - 7] += h
    else:
        k[c, column - 9] += h
    return Views(R, t, focal, center, k)


@pytest.mark.parametrize("column", range(CAMERA_PARAMS))
def test_camera_jacobian_equals_differences(column: int) -> None:
    views, xyz = scene(1)
    _, Y = project_views(views, xyz)
    analytic, _ = projection_jacobians(views, Y)
    h = 1e-6
    for c in range(len(views.R)):
        plus, _ = project_views(turned(views, c, column, h), xyz)
        minus, _ = project_views(turned(views, c, column, -h), xyz)
        numeric = (plus - minus)[c] / (2 * h)
        scale = max(1.0, np.abs(numeric).max())
        np.testing.assert_allclose(analytic[c, ..., column] / scale, numeric / scale, atol=1e-7)


def test_joint_jacobian_equals_differences() -> None:
    views, xyz = scene(2)
    _, Y = project_views(views, xyz)
    _, analytic = projection_jacobians(views, Y)
    h = 1e-6
    for axis in range(3):
        step = h * np.eye(3)[axis]
        numeric = (project_views(views, xyz + step)[0] - project_views(views, xyz - step)[0]) / (
            2 * h
        )
        np.testing.assert_allclose(analytic[..., axis] / 1e3, numeric / 1e3, atol=1e-7)


def test_gradient_equals_differences_of_the_robust_cost() -> None:
    """Every block at once: robust weights, shared lenses, priors, bones, missing views."""
    views, xyz = scene(3, frames=4)
    views = replace(views, focal=np.full(4, 1234.0), k=np.full((4, 2), 0.03))
    seen = observe(*scene(3, frames=4))
    weight = seen.weight.copy()
    weight[0, 1], weight[2, :, 3], weight[1:, 2, 0] = 0, 0.4, 0
    seen = replace(seen, weight=weight, take=np.array([0, 1, 1, 0]))
    p = priors(
        views,
        lens_group=np.array([0, 0, 1, 1]),
        sigma_center_px=np.full(4, 20.0),
        sigma_k1=0.1,
        sigma_k2=0.05,
        sigma_bone=0.05,
    )
    problem = Problem(seen, p)
    state = State(views, xyz, np.log(np.array([[0.08, 0.09, 0.07], [0.085, 0.075, 0.08]])))
    equations = normal_equations(problem, state)
    g, g_joints = equations.g, equations.g_joints
    assert problem.size == len(g) == 18 + 2 * 3 + 8 + 2 * 3
    h = 1e-6
    no_step, no_joint_step = np.zeros(len(g)), np.zeros(g_joints.shape)

    def slope(step: np.ndarray, joint_step: np.ndarray) -> float:
        plus = problem.cost(problem.moved(state, step, joint_step))
        return (plus - problem.cost(problem.moved(state, -step, -joint_step))) / (2 * h)

    for i in range(len(g)):
        step = no_step.copy()
        step[i] = h
        expected = pytest.approx(slope(step, no_joint_step), rel=1e-4, abs=1e-4 * np.abs(g).max())
        assert g[i] == expected
    for at in np.ndindex(*g_joints.shape):
        joint_step = no_joint_step.copy()
        joint_step[at] = h
        numeric = slope(no_step, joint_step)
        tolerance = 1e-4 * np.abs(g_joints).max()
        assert g_joints[at] == pytest.approx(numeric, rel=1e-4, abs=tolerance)


def test_the_step_by_blocks_solves_the_whole_damped_system() -> None:
    """The Schur complement against the dense system of all parameters."""
    views, xyz = scene(4, frames=3)
    seen = observe(*scene(4, frames=3))
    problem = Problem(seen, priors(views, sigma_k1=0.1, sigma_bone=0.05))
    state = State(views, xyz + 0.01, np.log(np.full((1, 3), 0.08)))
    e = normal_equations(problem, state)
    size, count = problem.size, xyz.size
    H = np.zeros((size + count, size + count))
    H[:size, :size] = e.H
    cross = e.cross.reshape(count, size)
    H[size:, :size], H[:size, size:] = cross, cross.T
    per_frame = count // 3
    for f in range(3):
        at = slice(size + f * per_frame, size + (f + 1) * per_frame)
        H[at, at] = e.H_joints[f].reshape(per_frame, per_frame)
    damping = 0.1
    damped = H + damping * np.diag(np.diag(H))
    expected = -np.linalg.solve(damped, np.concatenate([e.g, e.g_joints.ravel()]))
    step, joint_step = e.step(damping)
    np.testing.assert_allclose(step, expected[:size], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(joint_step.ravel(), expected[size:], rtol=1e-5, atol=1e-8)
    bare = H[:size, :size] - cross.T @ np.linalg.solve(H[size:, size:], cross)
    np.testing.assert_allclose(e.reduced_hessian(), bare, rtol=1e-5, atol=1e-5 * np.abs(bare).max())


def test_limbs_are_the_joints_that_bones_in_use_connect() -> None:
    views, xyz = scene(5, joints=7)
    seen = replace(observe(views, xyz), bones=np.array([[5, 1], [1, 4], [3, 0]]))
    alone, pairs, threes = Problem(seen, priors(views, sigma_bone=0.05)).limbs
    assert alone.tolist() == [[2], [6]]
    assert pairs.tolist() == [[0, 3]]
    assert threes.tolist() == [[1, 4, 5]]
    (alone,) = Problem(seen, priors(views)).limbs
    assert alone.tolist() == [[j] for j in range(7)]


def perturbed(views: Views, xyz: np.ndarray, seed: int, focal: float) -> tuple[Views, np.ndarray]:
    rng = np.random.default_rng(seed)
    turn = Rotation.from_rotvec(rng.normal(0, 0.03, (len(views.R), 3))).as_matrix()
    turn[0] = np.eye(3)
    t = views.t + rng.normal(0, 0.02, views.t.shape)
    t[0] = views.t[0]
    start = Views(turn @ views.R, t, np.full(len(t), focal), views.center, 0 * views.k)
    return start, xyz + rng.normal(0, 0.02, xyz.shape)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("focal", [850.0, 1900.0])
def test_exact_scene_is_recovered_with_unknown_focal_and_distortion(
    seed: int, focal: float
) -> None:
    views, xyz = scene(seed)
    seen = observe(views, xyz)
    weak = np.full(4, 1e3)  # no prior to speak of: the truth is the only minimum
    p = priors(views, sigma_log_focal=weak, sigma_k1=1e3, sigma_k2=1e3)
    result = adjust(seen, *perturbed(views, xyz, seed, focal), p, 200)
    np.testing.assert_allclose(result.views.focal, views.focal, rtol=1e-6)
    np.testing.assert_allclose(result.views.k, views.k, atol=1e-6)
    np.testing.assert_allclose(result.views.R, views.R, atol=1e-7)


def test_the_cost_never_rises_and_the_first_camera_never_moves() -> None:
    views, xyz = scene(7)
    seen = observe(views, xyz)
    start, joints = perturbed(views, xyz, 7, 1000.0)
    costs = [adjust(seen, start, joints, priors(views), n) for n in (0, 1, 2, 5, 20)]
    assert all(a.cost >= b.cost for a, b in pairwise(costs))
    np.testing.assert_array_equal(costs[-1].views.R[0], start.R[0])
    np.testing.assert_array_equal(costs[-1].views.t[0], start.t[0])


def test_an_adjustment_ends_where_the_cost_hardly_falls() -> None:
    views, xyz = scene(7)
    rng = np.random.default_rng(7)
    exact = observe(views, xyz)
    seen = replace(exact, xy_px=exact.xy_px + 5.0 * rng.standard_t(2, exact.xy_px.shape))
    start, joints = perturbed(views, xyz, 7, 1000.0)
    coarse, rough, fine = (
        adjust(seen, start, joints, priors(views), 100, limit) for limit in (COARSE, ROUGH, FINE)
    )
    assert coarse.iterations < rough.iterations < fine.iterations < 100
    assert coarse.cost > rough.cost > fine.cost > 0.99 * coarse.cost


def test_held_priors_leave_the_lens_alone() -> None:
    views, xyz = scene(8)
    start, joints = perturbed(views, xyz, 8, 1000.0)
    result = adjust(observe(views, xyz), start, joints, held(priors(views, sigma_k1=0.1)))
    np.testing.assert_array_equal(result.views.focal, start.focal)
    np.testing.assert_array_equal(result.views.k, start.k)
    assert np.isnan(result.sigma_log_focal).all()


def test_one_lens_group_keeps_one_focal_length() -> None:
    views, xyz = scene(9)
    start, joints = perturbed(views, xyz, 9, 1000.0)
    p = priors(views, lens_group=np.zeros(4, dtype=np.int64), sigma_k1=0.1)
    result = adjust(observe(views, xyz), start, joints, p)
    assert np.ptp(result.views.focal) == 0
    assert np.ptp(result.views.k[:, 0]) == 0


def test_uncertainty_of_the_focal_length_matches_its_scatter() -> None:
    """20 noisy repetitions: the scatter of log f is its predicted sigma within a factor of 2.

    (The standard deviation of 20 × 4 samples is itself known to about 8 %.)
    """
    views, xyz = scene(10)
    errors, predicted = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        exact = observe(views, xyz)
        noisy = replace(exact, xy_px=exact.xy_px + rng.normal(0, 5.0, exact.xy_px.shape))
        p = priors(views, sigma_k1=0.0, cauchy=1e3)
        straight = replace(views, k=0 * views.k)
        noisy = replace(noisy, xy_px=noisy.xy_px + project_views(straight, xyz)[0] - exact.xy_px)
        result = adjust(noisy, straight, xyz, p)
        errors.append(np.log(result.views.focal / views.focal))
        predicted.append(result.sigma_log_focal)
    ratio = np.std(errors) / np.mean(predicted)
    assert 0.5 < ratio < 2.0


@pytest.mark.parametrize("bone", [0.0, 0.03])
@pytest.mark.parametrize("cameras", [2, 3, 8])
def test_the_cost_says_how_large_errors_are_however_few_the_views(
    cameras: int, bone: float
) -> None:
    """Errors as large as expected: 20 scenes have a mean cost of 0.71 to 0.83.

    The Cauchy loss of two normal numbers is 0.71 on average; the numbers that cameras take up are
    few. Counted by observations, two views would have 0.2.
    """
    costs = []
    for seed in range(20):
        views, xyz = scene(seed, cameras)
        seen = observe(views, xyz)
        noise = np.random.default_rng(seed).normal(0.0, 5.0, seen.xy_px.shape)
        p = priors(views, sigma_bone=bone)
        noisy = replace(seen, xy_px=seen.xy_px + noise)
        costs.append(adjust(noisy, views, xyz, p if bone else held(p)).cost)
    assert 0.68 < np.mean(costs) < 0.88


def test_joints_that_nobody_saw_do_not_move_or_matter() -> None:
    views, xyz = scene(11)
    seen = observe(views, xyz)
    weight = seen.weight.copy()
    weight[:, 3, 2] = 0
    junk = seen.xy_px.copy()
    junk[:, 3, 2] = 1e6
    start, joints = perturbed(views, xyz, 11, 1000.0)
    a = adjust(replace(seen, weight=weight), start, joints, priors(views))
    b = adjust(replace(seen, weight=weight, xy_px=junk), start, joints, priors(views))
    np.testing.assert_array_equal(a.views.focal, b.views.focal)
    np.testing.assert_array_equal(a.xyz[3, 2], joints[3, 2])
