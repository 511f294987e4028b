"""Gauss–Newton model of a bundle adjustment, in blocks, and its damped solution.

Schur complement over frames (Triggs et al., "Bundle Adjustment – A Modern Synthesis", 2000, §6).
One frame of joints is one eliminated block, so that bone-length constancy, which couples the joints
of a frame, costs nothing extra.
"""

from dataclasses import dataclass

import numpy as np

from gentri.data import FloatArray
from gentri.geometry.adjustment_problem import Problem, State
from gentri.geometry.projection import NEAR, project_views, projection_jacobians

_RIDGE = (
    1e-9  # of the largest diagonal entry: joints that nobody sees have no curvature of their own
)


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """The cost near a state as ½ xᵀ H x + gᵀ x, for P shared parameters and F frames of J joints.

    Attributes:
        H: (P, P) and g: (P,) of the shared parameters.
        H_joints: (F, J, 3, J, 3) and g_joints: (F, J, 3) of each frame's joints.
        cross: (F, J, 3, P) joints by shared parameters.
    """

    H: FloatArray
    g: FloatArray
    H_joints: FloatArray
    g_joints: FloatArray
    cross: FloatArray

    @classmethod
    def zeros(cls, frames: int, joints: int, size: int) -> "NormalEquations":
        """Nothing added yet."""
        return cls(
            H=np.zeros((size, size)),
            g=np.zeros(size),
            H_joints=np.zeros((frames, joints, 3, joints, 3)),
            g_joints=np.zeros((frames, joints, 3)),
            cross=np.zeros((frames, joints, 3, size)),
        )

    def step(self, damping: float) -> tuple[FloatArray, FloatArray]:
        """Levenberg–Marquardt step of the shared parameters (P,) and the joints (F, J, 3)."""
        frame, cross = self._frame_blocks()
        diagonal = np.einsum("faa->fa", frame)
        lift = damping * diagonal + _RIDGE * diagonal.max(initial=1e-12)
        damped = frame + lift[..., None] * np.eye(frame.shape[1])
        right = np.concatenate([cross, self.g_joints.reshape(*frame.shape[:2], 1)], axis=-1)
        solved = np.linalg.solve(damped, right)
        # Frame by frame: one large product would leave its rounding to the number of BLAS threads.
        reduced = (np.swapaxes(cross, -1, -2) @ solved).sum(axis=0)
        S = self.H + np.diag(damping * np.diag(self.H) + 1e-12) - reduced[:, :-1]
        step = -np.linalg.solve(S, self.g - reduced[:, -1])
        joint_step = -(solved[..., -1] + solved[..., :-1] @ step)
        return step, joint_step.reshape(self.g_joints.shape)

    def reduced_hessian(self) -> FloatArray:
        """H of the shared parameters with the joints eliminated, (P, P)."""
        frame, cross = self._frame_blocks()
        diagonal = np.einsum("faa->fa", frame)
        lift = _RIDGE * diagonal.max(initial=1e-12) * np.eye(frame.shape[1])
        return self.H - np.einsum("fdp,fdq->pq", cross, np.linalg.solve(frame + lift, cross))

    def _frame_blocks(self) -> tuple[FloatArray, FloatArray]:
        """`H_joints` (F, D, D) and `cross` (F, D, P) with the D = 3 J coordinates in one axis."""
        frames, joints = self.g_joints.shape[:2]
        D = 3 * joints
        return self.H_joints.reshape(frames, D, D), self.cross.reshape(frames, D, len(self.g))


def normal_equations(problem: Problem, state: State) -> NormalEquations:
    """Linearise reprojections, priors and bones, each with its Cauchy weight, about a state."""
    r, by_camera, by_joint = _weighted_reprojection(problem, state)
    frames, joints = state.xyz.shape[:2]
    equations = NormalEquations.zeros(frames, joints, problem.size)
    H, g, cross = equations.H, equations.g, equations.cross
    prior, inverse = problem.prior_residuals(state.views), problem.prior_inverse_sigma
    for c, columns in enumerate(problem.columns):
        free = columns >= 0
        at = columns[free]
        J = by_camera[c][..., free]
        flat = J.reshape(2 * frames * joints, len(at))
        H[np.ix_(at, at)] += flat.T @ flat + np.diag(inverse[c, free] ** 2)
        g[at] += flat.T @ r[c].ravel() + inverse[c, free] * prior[c, free]
        cross[..., at] += np.swapaxes(by_joint[c], -1, -2) @ J
    k = np.arange(joints)
    own = (np.swapaxes(by_joint, -1, -2) @ by_joint).sum(0)
    equations.H_joints[:, k, :, k] = np.moveaxis(own, 0, 1)
    equations.g_joints[:] = np.einsum("cfkia,cfki->fka", by_joint, r)
    if len(problem.bones):
        _add_bones(equations, problem, state)
    return equations


def _weighted_reprojection(
    problem: Problem, state: State
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Residuals (C, F, J, 2), and Jacobians by cameras (…, 2, 11) and joints (…, 2, 3), in sigmas.

    Each is multiplied by the square root of its weight (iteratively reweighted least squares).
    """
    seen = problem.seen
    uv, Y = project_views(state.views, state.xyz)
    e2 = problem.squared_errors(uv, Y)
    weight = seen.weight / (1 + e2 / problem.priors.cauchy**2) * (Y[..., 2] > NEAR)
    scale = np.sqrt(weight) / seen.sigma_px
    by_camera, by_joint = projection_jacobians(state.views, Y)
    by_camera *= scale[..., None, None]
    by_joint *= scale[..., None, None]
    r = np.where(scale[..., None] > 0, (uv - seen.xy_px) * scale[..., None], 0.0)
    return r, by_camera, by_joint


def _add_bones(equations: NormalEquations, problem: Problem, state: State) -> None:
    """Add bone-length constancy in place."""
    H, g, cross = equations.H, equations.g, equations.cross
    H_joints, g_joints = equations.H_joints, equations.g_joints
    r, J = problem.bone_residuals(state)
    weight = problem.bone_seen / (1 + r**2 / problem.priors.cauchy**2)
    by_length = -1 / problem.priors.sigma_bone
    for b, (i, j) in enumerate(problem.bones):
        w, columns = weight[:, b], problem.bone_columns[:, b]
        outer = np.einsum("f,fa,fb->fab", w, J[:, b], J[:, b])
        for p, q, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            H_joints[:, p, :, q] += sign * outer
        push = (w * r[:, b])[:, None] * J[:, b]
        g_joints[:, i] += push
        g_joints[:, j] -= push
        take = problem.seen.take
        H[columns, columns] += np.bincount(take, w, len(columns)) * by_length**2
        g[columns] += by_length * np.bincount(take, w * r[:, b], len(columns))
        along = by_length * w[:, None] * J[:, b]
        f = np.arange(len(take))
        cross[f, i, :, columns[take]] += along
        cross[f, j, :, columns[take]] -= along
