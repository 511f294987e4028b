"""Residuals and normal equations of a rig whose clocks, poses and focal lengths may move.

The joints are eliminated one by one (Triggs et al., "Bundle Adjustment – A Modern Synthesis", 2000,
§6.1).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.trust.evidence import Evidence
from gentri.geometry.trust.model import POSE, Fit, Model

CAUCHY = 2.0  # scale of the loss, expected errors
_NEAR = 1e-3  # rig units: closer to a camera plane than this there is no projection
_BEHIND = 1e4  # residual there, expected errors
_FREE_SHIFT_S = 1.0  # standard deviation of a clock's prior: only fixes the clock of all together


@dataclass(frozen=True, eq=False)
class Normal:
    """Normal equations, joints as N blocks.

    Attributes:
        H: (P, P), W: (N, P, 3), V: (N, 3, 3), g: (P,), b: (N, 3).
    """

    H: FloatArray
    W: FloatArray
    V: FloatArray
    g: FloatArray
    b: FloatArray

    def inverse(self, damping: float) -> FloatArray:
        """Inverse blocks of the joints, (N, 3, 3)."""
        trace = np.trace(self.V, axis1=-2, axis2=-1)[:, None, None]
        ridge = (1e-9 * trace + 1e-12) * np.eye(3)
        diagonal = self.V * np.eye(3)
        return np.linalg.inv(self.V + damping * diagonal + ridge)

    def reduced(self, inverse: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Hessian (P, P) and gradient (P,) with the joints eliminated, by their `inverse`."""
        WV = self.W @ inverse
        P = len(self.g)
        flat = np.moveaxis(WV, 1, 0).reshape(P, -1)
        S = self.H - flat @ np.moveaxis(self.W, 1, 0).reshape(P, -1).T
        return S, self.g - flat @ self.b.ravel()

    def step(self, damping: float) -> tuple[FloatArray, FloatArray]:
        """Changes of the parameters (P,) and of the joints (N, 3)."""
        inverse = self.inverse(damping)
        S, g = self.reduced(inverse)
        # The gauge is free: its directions have no slope and stay where they are.
        S = S + np.diag(damping * np.diag(self.H) + 1e-9 * np.diag(self.H).max())
        p = -np.linalg.solve(S, g)
        x = -(inverse @ (self.b + np.einsum("npi,p->ni", self.W, p))[..., None])
        return p, x[..., 0]


class Equations:
    """Residuals of all observations of joints that two views see."""

    def __init__(self, seen: Evidence, model: Model) -> None:
        twice = seen.seen.sum(0) >= 2
        self.seen, self.model = seen, model
        self.frame, self.joint = np.nonzero(twice)
        self.point = np.full(twice.shape, -1)
        self.point[self.frame, self.joint] = np.arange(len(self.frame))
        c, f, j = np.nonzero(seen.seen & twice)
        # Those of one station, focal scale and clock on end: they share a block of the equations.
        alike = (c * model.stations + model.station[c, f]) * (model.clocks + 1) + model.clock[c, f]
        order = np.argsort(alike, kind="stable")
        c, f, j = c[order], f[order], j[order]
        self.camera, self.n = c, self.point[f, j]
        self.f, self.j = f, j
        self._by_joint = np.argsort(self.n, kind="stable")
        self._first_of_joint = np.searchsorted(self.n[self._by_joint], np.arange(len(self.frame)))
        self.station = model.station[c, f]
        self.clock = model.clock[c, f]
        self.scale = model.focal[c]
        self.xy, self.u = seen.xy[c, f, j], seen.velocity[c, f, j]
        self.sigma, self.weight = seen.sigma[c, f, j], seen.weight[c, f, j]
        first = np.flatnonzero(np.diff(alike[order], prepend=-2))
        self._blocks = [slice(*ends) for ends in pairwise([*first.tolist(), len(c)])]

    def _scale(self, fit: Fit) -> FloatArray:
        if not len(fit.log_scale):
            return np.ones(len(self.camera))
        return np.where(self.scale >= 0, np.exp(fit.log_scale[self.scale]), 1.0)

    def residuals(self, fit: Fit) -> tuple[FloatArray, FloatArray, FloatArray]:
        """In expected errors (M, 2), with points in the cameras and their projections."""
        X = fit.xyz[self.f, self.j]
        Y = (fit.R[self.station] @ X[..., None])[..., 0] + fit.t[self.station]
        u = Y[:, :2] / np.maximum(Y[:, 2:], _NEAR)
        late = np.zeros(len(self.camera))
        if len(fit.shift_s):
            late = np.where(self.clock >= 0, fit.shift_s[self.clock], 0.0)
        seen = self.xy + late[:, None] * self.u
        r = (self._scale(fit)[:, None] * u - seen) / self.sigma[:, None]
        r[Y[:, 2] < _NEAR] = _BEHIND
        return r, Y, u

    def cost(self, fit: Fit) -> float:
        """Mean robust cost of an observation, with the priors."""
        r, _, _ = self.residuals(fit)
        rho = CAUCHY**2 * np.log1p((r**2).sum(-1) / CAUCHY**2)
        prior = (fit.shift_s**2).sum() / _FREE_SHIFT_S**2
        prior += ((fit.log_scale / self.model.sigma_log_focal) ** 2).sum()
        return float(((self.weight * rho).sum() + prior) / self.weight.sum())

    def normal(self, fit: Fit) -> Normal:
        """Normal equations at a fit, with robust weights."""
        r, Y, u = self.residuals(fit)
        robust = self.weight / (1 + (r**2).sum(-1) / CAUCHY**2)
        robust[Y[:, 2] < _NEAR] = 0.0
        root = np.sqrt(robust)
        by_camera, by_joint = self._jacobians(fit, Y, u, root)
        r = (root[:, None] * r).T
        P, N = self.model.parameters, len(self.frame)
        H, g, W = np.zeros((P, P)), np.zeros(P), np.zeros((N, P, 3))
        for block in self._blocks:
            local, columns = self._columns(block.start)
            J = by_camera[:, local, block]
            H[np.ix_(columns, columns)] += np.einsum("kam,kbm->ab", J, J)
            g[columns] += np.einsum("kam,km->a", J, r[:, block])
            across = _products(J, by_joint[..., block])
            W[self.n[block, None], columns] += np.moveaxis(across, -1, 0)
        V = self._of_joints(_products(by_joint, by_joint))
        b = self._of_joints((by_joint * r[:, None]).sum(0))
        first = POSE * self.model.stations
        scales = slice(first, first + self.model.scales)
        H[scales, scales] += np.diag(1 / self.model.sigma_log_focal**2)
        g[scales] += fit.log_scale / self.model.sigma_log_focal**2
        clocks = slice(scales.stop, scales.stop + self.model.clocks)
        H[clocks, clocks] += np.eye(self.model.clocks) / _FREE_SHIFT_S**2
        g[clocks] += fit.shift_s / _FREE_SHIFT_S**2
        return Normal(H, W, V, g, b)

    def _of_joints(self, values: FloatArray) -> FloatArray:
        """Sums over the observations of each joint, (N, ...) of (..., M)."""
        values = values[..., self._by_joint]
        return np.moveaxis(np.add.reduceat(values, self._first_of_joint, axis=-1), -1, 0)

    def _columns(self, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What is free of the pose, focal scale and clock of an observation.

        Returns:
            Positions among these 8, and among all parameters.
        """
        model = self.model
        pose = POSE * self.station[m] + np.arange(POSE)
        scales = POSE * model.stations
        scale = scales + self.scale[m] if self.scale[m] >= 0 else -1
        clock = scales + model.scales + self.clock[m] if self.clock[m] >= 0 else -1
        columns = np.array([*pose, scale, clock])
        local = np.flatnonzero(columns >= 0)
        return local, columns[local]

    def _jacobians(
        self, fit: Fit, Y: FloatArray, u: FloatArray, root: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """(2, 8, M) by rotation from the left, translation, focal, clock; (2, 3, M) by joint."""
        Y, u = Y.T, u.T
        z = np.maximum(Y[2], _NEAR)
        gain = root * self._scale(fit) / self.sigma
        by_Y = np.zeros((2, 3, len(z)))
        by_Y[0, 0] = by_Y[1, 1] = gain / z
        by_Y[:, 2] = -gain * u / z
        RX = Y - fit.t[self.station].T
        camera = np.empty((2, POSE + 2, len(z)))
        camera[:, :3] = np.cross(RX[None], by_Y, axis=1)
        camera[:, 3:6] = by_Y
        camera[:, 6] = gain * u
        camera[:, 7] = -(root / self.sigma) * self.u.T
        R = np.moveaxis(fit.R[self.station], 0, -1)
        return camera, (by_Y[:, :, None] * R).sum(1)

    def moved(self, fit: Fit, p: FloatArray, x: FloatArray) -> Fit:
        """The state after a step."""
        from scipy.spatial.transform import Rotation

        m = self.model
        pose = p[: POSE * m.stations].reshape(-1, POSE)
        turn = Rotation.from_rotvec(pose[:, :3]).as_matrix()
        rest = p[POSE * m.stations :]
        xyz = fit.xyz.copy()
        xyz[self.frame, self.joint] += x
        return Fit(
            turn @ fit.R,
            fit.t + pose[:, 3:],
            fit.log_scale + np.clip(rest[: m.scales], -0.3, 0.3),
            fit.shift_s + np.clip(rest[m.scales :], -0.3, 0.3),
            xyz,
            np.nan,
        )


def _products(a: FloatArray, b: FloatArray) -> FloatArray:
    """AᵀB of M small matrices (2, A, M) and (2, B, M), (A, B, M)."""
    return a[0][:, None] * b[0] + a[1][:, None] * b[1]
