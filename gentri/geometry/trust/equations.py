"""Residuals and normal equations of a rig whose clocks, poses and focal lengths may move.

The joints are eliminated one by one (Triggs et al., "Bundle Adjustment – A Modern Synthesis", 2000,
§6.1).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.trust.evidence import Evidence

CAUCHY = 2.0  # scale of the loss, expected errors
_NEAR = 1e-3  # rig units: closer to a camera plane than this there is no projection
_BEHIND = 1e4  # residual there, expected errors
_POSE = 6
_FREE_SHIFT_S = 1.0  # standard deviation of a clock's prior: only fixes the clock of all together


@dataclass(frozen=True, eq=False)
class Model:
    """What is free.

    Attributes:
        station: (C, F) index of the pose that a camera has at a moment.
        clock: (C, F) index of the clock that a camera has at a moment; negative: right.
        focal: (C,) index of the focal scale of a camera; negative: held.
        sigma_log_focal: (G,) prior of the focal scales.
    """

    station: NDArray[np.int64]
    clock: NDArray[np.int64]
    focal: NDArray[np.int64]
    sigma_log_focal: FloatArray = field(default_factory=lambda: np.zeros(0))

    @property
    def stations(self) -> int:
        """Number of poses."""
        return int(self.station.max()) + 1

    @property
    def clocks(self) -> int:
        """Number of clocks."""
        return int(self.clock.max()) + 1

    @property
    def scales(self) -> int:
        """Number of focal scales."""
        return int(self.focal.max()) + 1

    @property
    def parameters(self) -> int:
        """Number of parameters P: poses, then focal scales, then clocks."""
        return _POSE * self.stations + self.scales + self.clocks


def plain(seen: Evidence) -> Model:
    """Cameras that stay and clocks that are right, with the focal lengths held."""
    cameras, frames = seen.xy.shape[:2]
    station = np.repeat(np.arange(cameras)[:, None], frames, axis=1)
    return Model(station, np.full((cameras, frames), -1), np.full(cameras, -1))


@dataclass(frozen=True, eq=False)
class Fit:
    """An adjusted model.

    Attributes:
        R: (S, 3, 3), t: (S, 3), of the stations.
        log_scale: of the focal lengths, (G,).
        shift_s: (K,) how much later a clock's camera has to be read.
        xyz: (F, 12, 3); finite where two views see the joint.
        cost: mean robust cost of an observed coordinate pair.
    """

    R: FloatArray
    t: FloatArray
    log_scale: FloatArray
    shift_s: FloatArray
    xyz: FloatArray
    cost: float


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

    def reduced(self, damping: float) -> tuple[FloatArray, FloatArray]:
        """Hessian (P, P) and gradient (P,) with the joints eliminated."""
        inverse = self.inverse(damping)
        WV = self.W @ inverse
        P = len(self.g)
        flat = np.moveaxis(WV, 1, 0).reshape(P, -1)
        S = self.H - flat @ np.moveaxis(self.W, 1, 0).reshape(P, -1).T
        return S, self.g - flat @ self.b.ravel()

    def step(self, damping: float) -> tuple[FloatArray, FloatArray]:
        """Changes of the parameters (P,) and of the joints (N, 3)."""
        S, g = self.reduced(damping)
        # The gauge is free: its directions have no slope and stay where they are.
        S = S + np.diag(damping * np.diag(self.H) + 1e-9 * np.diag(self.H).max())
        p = -np.linalg.solve(S, g)
        x = -(self.inverse(damping) @ (self.b + np.einsum("npi,p->ni", self.W, p))[..., None])
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
        self.camera, self.n = c, self.point[f, j]
        self.f, self.j = f, j
        self.station = model.station[c, f]
        self.clock = model.clock[c, f]
        self.scale = model.focal[c]
        self.xy, self.u = seen.xy[c, f, j], seen.velocity[c, f, j]
        self.sigma, self.weight = seen.sigma[c, f, j], seen.weight[c, f, j]

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
        root = np.sqrt(robust)[:, None]
        by_camera, by_joint = self._jacobians(fit, Y, u, root)
        r = root * r
        P, N = self.model.parameters, len(self.frame)
        columns = self._columns()
        H, g = np.zeros((P + 1, P + 1)), np.zeros(P + 1)  # the last takes what is held
        np.add.at(g, columns, np.einsum("mik,mi->mk", by_camera, r))
        block = np.einsum("mik,mil->mkl", by_camera, by_camera)
        flat = columns[:, :, None] * (P + 1) + columns[:, None, :]
        H += np.bincount(flat.ravel(), block.ravel(), (P + 1) ** 2).reshape(P + 1, P + 1)
        V, b = np.zeros((N, 3, 3)), np.zeros((N, 3))
        np.add.at(V, self.n, np.einsum("mik,mil->mkl", by_joint, by_joint))
        np.add.at(b, self.n, np.einsum("mik,mi->mk", by_joint, r))
        W = np.zeros((N, P + 1, 3))
        cross = np.einsum("mik,mil->mkl", by_camera, by_joint)
        np.add.at(W, (self.n[:, None], columns), cross)
        first = _POSE * self.model.stations
        scales = slice(first, first + self.model.scales)
        H[scales, scales] += np.diag(1 / self.model.sigma_log_focal**2)
        g[scales] += fit.log_scale / self.model.sigma_log_focal**2
        clocks = slice(scales.stop, scales.stop + self.model.clocks)
        H[clocks, clocks] += np.eye(self.model.clocks) / _FREE_SHIFT_S**2
        g[clocks] += fit.shift_s / _FREE_SHIFT_S**2
        return Normal(H[:-1, :-1], W[:, :-1], V, g[:-1], b)

    def _columns(self) -> NDArray[np.int64]:
        """Parameter of each local one, (M, 8): pose, focal scale, clock."""
        m, P = self.model, self.model.parameters
        pose = _POSE * self.station[:, None] + np.arange(_POSE)
        scale = np.where(self.scale >= 0, _POSE * m.stations + self.scale, P)
        clock = np.where(self.clock >= 0, _POSE * m.stations + m.scales + self.clock, P)
        return np.c_[pose, scale, clock]

    def _jacobians(
        self, fit: Fit, Y: FloatArray, u: FloatArray, root: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """(M, 2, 8) by rotation from the left, translation, focal, clock; (M, 2, 3) by joint."""
        z = np.maximum(Y[:, 2], _NEAR)
        gain = (root[:, 0] * self._scale(fit) / self.sigma)[:, None]
        by_Y = np.zeros((len(z), 2, 3))
        by_Y[:, 0, 0] = by_Y[:, 1, 1] = 1 / z
        by_Y[:, :, 2] = -u / z[:, None]
        by_Y *= gain[:, :, None]
        RX = Y - fit.t[self.station]
        camera = np.empty((len(z), 2, _POSE + 2))
        camera[..., :3] = np.cross(RX[:, None, :], by_Y)
        camera[..., 3:6] = by_Y
        camera[..., 6] = gain * u
        camera[..., 7] = -(root / self.sigma[:, None]) * self.u
        return camera, by_Y @ fit.R[self.station]

    def moved(self, fit: Fit, p: FloatArray, x: FloatArray) -> Fit:
        """The state after a step."""
        from scipy.spatial.transform import Rotation

        m = self.model
        pose = p[: _POSE * m.stations].reshape(-1, _POSE)
        turn = Rotation.from_rotvec(pose[:, :3]).as_matrix()
        rest = p[_POSE * m.stations :]
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
