"""Gauss–Newton model of a bundle adjustment, in blocks, and its damped solution.

Schur complement over frames (Triggs et al., "Bundle Adjustment – A Modern Synthesis", 2000, §6).
Bone-length constancy couples the joints of a limb: one limb in one frame is one eliminated block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        limbs: (L, n) joints that are coupled with each other alone, by their number n; together
            all J.
    """

    H: FloatArray
    g: FloatArray
    H_joints: FloatArray
    g_joints: FloatArray
    cross: FloatArray
    limbs: tuple[NDArray[np.int64], ...]

    @classmethod
    def zeros(
        cls, frames: int, joints: int, size: int, limbs: tuple[NDArray[np.int64], ...]
    ) -> "NormalEquations":
        """Nothing added yet."""
        return cls(
            H=np.zeros((size, size)),
            g=np.zeros(size),
            H_joints=np.zeros((frames, joints, 3, joints, 3)),
            g_joints=np.zeros((frames, joints, 3)),
            cross=np.zeros((frames, joints, 3, size)),
            limbs=limbs,
        )

    def step(self, damping: float) -> tuple[FloatArray, FloatArray]:
        """Levenberg–Marquardt step of the shared parameters (P,) and the joints (F, J, 3)."""
        right = np.concatenate([self.cross, self.g_joints[..., None]], axis=-1)
        solved = self._solved(damping, right)
        reduced = self._summed(solved)
        S = self.H + np.diag(damping * np.diag(self.H) + 1e-12) - reduced[:, :-1]
        step = -np.linalg.solve(S, self.g - reduced[:, -1])
        return step, -(solved[..., -1] + solved[..., :-1] @ step)

    def reduced_hessian(self) -> FloatArray:
        """H of the shared parameters with the joints eliminated, (P, P)."""
        return self.H - self._summed(self._solved(0.0, self.cross))

    def _solved(self, damping: float, right: FloatArray) -> FloatArray:
        """Solution x (F, J, 3, N) of (H_joints + damping · its diagonal) x = right, by limbs."""
        largest = np.einsum("fkaka->fka", self.H_joints).max(initial=1e-12)
        solved = np.empty_like(right)
        for limbs in self.limbs:
            block = self.H_joints[:, limbs[:, :, None], :, limbs[:, None, :]]  # (L, n, n, F, 3, 3)
            limb_count, n, _, frames = block.shape[:4]
            block = block.transpose(3, 0, 1, 4, 2, 5).reshape(frames, limb_count, 3 * n, 3 * n)
            lift = damping * np.einsum("flaa->fla", block) + _RIDGE * largest
            # The inverse of a small matrix: cheaper than to solve for many right sides.
            inverse = np.linalg.inv(block + lift[..., None] * np.eye(3 * n))
            part = right[:, limbs]
            solved[:, limbs] = (inverse @ part.reshape(*lift.shape, -1)).reshape(part.shape)
        return solved

    def _summed(self, solved: FloatArray) -> FloatArray:
        """crossᵀ · solved over all joints and frames, (P, N).

        Frame by frame: one large product would leave its rounding to the number of BLAS threads.
        """
        frames, joints = self.g_joints.shape[:2]
        cross = self.cross.reshape(frames, 3 * joints, -1)
        return (np.swapaxes(cross, -1, -2) @ solved.reshape(frames, 3 * joints, -1)).sum(axis=0)


def normal_equations(problem: Problem, state: State) -> NormalEquations:
    """Linearise reprojections, priors and bones, each with its Cauchy weight, about a state."""
    r, by_camera, by_joint = _weighted_reprojection(problem, state)
    frames, joints = state.xyz.shape[:2]
    equations = NormalEquations.zeros(frames, joints, problem.size, problem.limbs)
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
    rows = np.moveaxis(by_joint, 0, 2).reshape(frames, joints, -1, 3)  # of all cameras
    across = np.swapaxes(rows, -1, -2)
    equations.H_joints[:, k, :, k] = np.moveaxis(across @ rows, 0, 1)
    right = np.moveaxis(r, 0, 2).reshape(frames, joints, -1, 1)
    equations.g_joints[:] = (across @ right)[..., 0]
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
