"""Robust bundle adjustment of cameras, intrinsics and a moving skeleton.

Levenberg–Marquardt with analytic Jacobians and a Schur complement over frames (Triggs et al.,
"Bundle Adjustment – A Modern Synthesis", 2000, §6). One frame of joints is one eliminated block,
so that bone-length constancy, which couples the joints of a frame, costs nothing extra.
The gauge is fixed: the first camera does not move, and the scale is held by the damping.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from gentri.data import FloatArray

# Local parameters of a camera: rotation, translation, log focal, principal point, k1, k2.
POSE, LOG_FOCAL, CENTER, K1, K2 = slice(0, 6), 6, slice(7, 9), 9, 10
CAMERA_PARAMS = 11

# Points this close to a camera plane have no usable projection (rig units, baseline about 1).
_NEAR = 1e-3

_DAMPING_START, _DAMPING_MIN, _DAMPING_MAX = 1e-3, 1e-10, 1e8
_CONVERGED = 1e-6  # relative fall of the cost
_MAX_LOG_FOCAL_STEP = 0.3  # a focal length may change by at most a third per step


@dataclass(frozen=True, eq=False)
class Views:
    """Camera poses and intrinsics as arrays over C cameras.

    Attributes:
        R: (C, 3, 3) and t: (C, 3), cam_from_world.
        focal: (C,) pixels.
        center: (C, 2) principal points, pixels.
        k: (C, 2) radial distortion k1, k2.
    """

    R: FloatArray
    t: FloatArray
    focal: FloatArray
    center: FloatArray
    k: FloatArray


@dataclass(frozen=True, eq=False)
class Observations:
    """What the cameras saw of F frames of J joints.

    Attributes:
        xy_px: (C, F, J, 2) distorted pixels; the value is ignored where weight is 0.
        sigma_px: (C, F, J) expected error of each detection.
        weight: (C, F, J) ≥ 0; 0 where not seen.
        bones: (B, 2) joint positions of rigid bones; may be empty.
    """

    xy_px: FloatArray
    sigma_px: FloatArray
    weight: FloatArray
    bones: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Priors:
    """Which intrinsics move, and how far from where.

    Attributes:
        log_focal: (C,) prior mean; sigma_log_focal: (C,), 0 holds the focal length.
        lens_group: (C,) cameras with one number share focal length and distortion.
        center_px: (C, 2) prior mean; sigma_center_px: (C,), 0 holds the principal point.
        sigma_k1, sigma_k2: around 0; 0 holds.
        sigma_bone: spread of the log length of a bone over frames, 0 leaves bones free.
        cauchy: scale of the Cauchy loss in units of sigma_px.
    """

    log_focal: FloatArray
    sigma_log_focal: FloatArray
    lens_group: NDArray[np.int64]
    center_px: FloatArray
    sigma_center_px: FloatArray
    sigma_k1: float = 0.0
    sigma_k2: float = 0.0
    sigma_bone: float = 0.0
    cauchy: float = 2.0


@dataclass(frozen=True, eq=False)
class Adjusted:
    """Result of the adjustment.

    Attributes:
        views: adjusted cameras.
        xyz: (F, J, 3) adjusted joints.
        cost: robust cost per weighted observation.
        sigma_log_focal: (C,) standard deviation of log focal from the reduced Hessian, scaled by the
            residuals found; NaN when the focal length was held.
        iterations: steps taken.
    """

    views: Views
    xyz: FloatArray
    cost: float
    sigma_log_focal: FloatArray
    iterations: int


def project_views(views: Views, xyz: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pixels (C, F, J, 2) and camera-frame points (C, F, J, 3) of joints (F, J, 3)."""
    Y = (xyz.reshape(-1, 3) @ np.swapaxes(views.R, -1, -2)).reshape(len(views.R), *xyz.shape)
    Y += views.t[:, None, None]
    u = Y[..., :2] / np.maximum(Y[..., 2:], _NEAR)
    r2 = (u**2).sum(-1, keepdims=True)
    k1, k2 = (views.k[:, i, None, None, None] for i in (0, 1))
    bent = u * (1 + k1 * r2 + k2 * r2**2)
    return views.focal[:, None, None, None] * bent + views.center[:, None, None], Y


def projection_jacobians(views: Views, xyz: FloatArray, Y: FloatArray) -> tuple[FloatArray, ...]:
    """Derivatives of `project_views`.

    Returns:
        by the local camera parameters (C, F, J, 2, 11), with the rotation perturbed from the left,
        and by the joints (C, F, J, 2, 3).
    """
    z = np.maximum(Y[..., 2], _NEAR)
    u = Y[..., :2] / z[..., None]
    r2 = (u**2).sum(-1)
    k1, k2 = views.k[:, 0, None, None], views.k[:, 1, None, None]
    f = views.focal[:, None, None]
    bend = 1 + k1 * r2 + k2 * r2**2
    slope = 2 * k1 + 4 * k2 * r2
    by_u = f[..., None, None] * (
        bend[..., None, None] * np.eye(2)
        + slope[..., None, None] * u[..., :, None] * u[..., None, :]
    )
    by_Y = np.zeros((*z.shape, 2, 3))
    by_Y[..., :2] = by_u / z[..., None, None]
    by_Y[..., 2] = -(by_u @ u[..., None])[..., 0] / z[..., None]

    RX = Y - views.t[:, None, None]
    camera = np.empty((*z.shape, 2, CAMERA_PARAMS))
    camera[..., :3] = np.cross(RX[..., None, :], by_Y)  # a·(w × RX) = w·(RX × a)
    camera[..., 3:6] = by_Y
    bent = f[..., None] * u
    camera[..., LOG_FOCAL] = bent * bend[..., None]
    camera[..., CENTER] = np.eye(2)
    camera[..., K1] = bent * r2[..., None]
    camera[..., K2] = bent * (r2**2)[..., None]
    return camera, by_Y @ views.R[:, None, None]


def _global_index(priors: Priors) -> tuple[NDArray[np.int64], int]:
    """Column of each local camera parameter in the reduced system, −1 where held; (C, 11)."""
    count = len(priors.log_focal)
    index = np.full((count, CAMERA_PARAMS), -1)
    index[1:, POSE] = np.arange(6 * (count - 1)).reshape(-1, 6)
    size = 6 * (count - 1)
    shared: dict[tuple[int, int], int] = {}
    for c, group in enumerate(priors.lens_group):
        lens = (
            (LOG_FOCAL, priors.sigma_log_focal[c]),
            (K1, priors.sigma_k1),
            (K2, priors.sigma_k2),
        )
        for column, sigma in lens:
            if sigma > 0:
                if (column, group) not in shared:
                    shared[column, group], size = size, size + 1
                index[c, column] = shared[column, group]
        if priors.sigma_center_px[c] > 0:
            index[c, CENTER], size = (size, size + 1), size + 2
    return index, size


def _prior_residuals(views: Views, priors: Priors) -> tuple[FloatArray, FloatArray]:
    """Residual and inverse sigma of each local camera parameter, (C, 11) each; 0 without a prior."""
    residual = np.zeros((len(views.focal), CAMERA_PARAMS))
    inverse = np.zeros_like(residual)
    shared = np.bincount(priors.lens_group)[
        priors.lens_group
    ]  # one prior per group, not per camera
    with np.errstate(divide="ignore"):
        inverse[:, LOG_FOCAL] = 1 / (priors.sigma_log_focal * np.sqrt(shared))
        inverse[:, CENTER] = 1 / priors.sigma_center_px[:, None]
        sigma_k = np.array([priors.sigma_k1, priors.sigma_k2])
        inverse[:, [K1, K2]] = 1 / (sigma_k * np.sqrt(shared)[:, None])
    inverse[~np.isfinite(inverse)] = 0
    residual[:, LOG_FOCAL] = np.log(views.focal) - priors.log_focal
    residual[:, CENTER] = views.center - priors.center_px
    residual[:, K1], residual[:, K2] = views.k[:, 0], views.k[:, 1]
    return residual * inverse, inverse


class _Cost:
    """The robust cost of one problem and its quadratic model."""

    def __init__(self, seen: Observations, priors: Priors) -> None:
        self.seen, self.priors = seen, priors
        self.index, self.cameras_size = _global_index(priors)
        self.bones = seen.bones if priors.sigma_bone > 0 else seen.bones[:0]
        self.size = self.cameras_size + len(self.bones)

    def value(self, views: Views, xyz: FloatArray, bone: FloatArray) -> float:
        uv, Y = project_views(views, xyz)
        e2 = self._squared(uv, Y)
        c2 = self.priors.cauchy**2
        cost = 0.5 * c2 * float((self.seen.weight * np.log1p(e2 / c2)).sum())
        cost += 0.5 * float((_prior_residuals(views, self.priors)[0] ** 2).sum())
        if len(self.bones):
            r = self._bone_terms(xyz, bone)[0]
            cost += 0.5 * c2 * float((self._bone_seen() * np.log1p(r**2 / c2)).sum())
        return cost

    def _squared(self, uv: FloatArray, Y: FloatArray) -> FloatArray:
        e2 = (((uv - self.seen.xy_px) / self.seen.sigma_px[..., None]) ** 2).sum(-1)
        # A point that crosses a camera plane is as wrong as can be, and must not pay off.
        return np.where(Y[..., 2] > _NEAR, e2, 1e8)

    def _bone_seen(self) -> FloatArray:
        """1 where both ends of a bone are seen by two cameras, (F, B)."""
        twice = (self.seen.weight > 0).sum(0) >= 2
        return (twice[:, self.bones[:, 0]] & twice[:, self.bones[:, 1]]).astype(float)

    def _bone_terms(self, xyz: FloatArray, bone: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals (F, B) and derivative by the first joint (F, B, 3)."""
        d = xyz[:, self.bones[:, 0]] - xyz[:, self.bones[:, 1]]
        squared = np.maximum((d**2).sum(-1), 1e-12)
        sigma = self.priors.sigma_bone
        return (0.5 * np.log(squared) - bone) / sigma, d / squared[..., None] / sigma

    def normal(self, views: Views, xyz: FloatArray, bone: FloatArray) -> tuple[FloatArray, ...]:
        """Gauss–Newton blocks: reduced H (P,P), g (P,); frames H (F,D,D), g (F,D); cross (F,D,P)."""
        seen, c2 = self.seen, self.priors.cauchy**2
        uv, Y = project_views(views, xyz)
        e2 = self._squared(uv, Y)
        weight = seen.weight / (1 + e2 / c2) * (Y[..., 2] > _NEAR)
        scale = np.sqrt(weight) / seen.sigma_px
        J_cam, J_xyz = projection_jacobians(views, xyz, Y)
        J_cam *= scale[..., None, None]
        J_xyz *= scale[..., None, None]
        r = np.where(scale[..., None] > 0, (uv - seen.xy_px) * scale[..., None], 0.0)

        F, K = xyz.shape[:2]
        H, g = np.zeros((self.size, self.size)), np.zeros(self.size)
        cross = np.zeros((F, K, 3, self.size))
        prior, inverse = _prior_residuals(views, self.priors)
        for c, index in enumerate(self.index):
            free = index >= 0
            at = index[free]
            J = J_cam[c][..., free]
            flat = J.reshape(2 * F * K, len(at))
            H[np.ix_(at, at)] += flat.T @ flat + np.diag(inverse[c, free] ** 2)
            g[at] += flat.T @ r[c].ravel() + inverse[c, free] * prior[c, free]
            cross[..., at] += np.swapaxes(J_xyz[c], -1, -2) @ J
        blocks = np.zeros((F, K, 3, K, 3))
        k = np.arange(K)
        blocks[:, k, :, k] = np.moveaxis((np.swapaxes(J_xyz, -1, -2) @ J_xyz).sum(0), 0, 1)
        g_xyz = np.einsum("cfkia,cfki->fka", J_xyz, r)
        if len(self.bones):
            self._add_bones(xyz, bone, H, g, cross, blocks, g_xyz)
        D = 3 * K
        return H, g, blocks.reshape(F, D, D), g_xyz.reshape(F, D), cross.reshape(F, D, self.size)

    def _add_bones(self, xyz: FloatArray, bone: FloatArray, *blocks: FloatArray) -> None:
        """Add bone-length constancy in place to the blocks of `normal`."""
        H, g, cross, frame, g_xyz = blocks
        r, J = self._bone_terms(xyz, bone)
        weight = self._bone_seen() / (1 + r**2 / self.priors.cauchy**2)
        by_length = -1 / self.priors.sigma_bone
        for b, (i, j) in enumerate(self.bones):
            w, column = weight[:, b], self.cameras_size + b
            outer = np.einsum("f,fa,fb->fab", w, J[:, b], J[:, b])
            for p, q, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
                frame[:, p, :, q] += sign * outer
            push = (w * r[:, b])[:, None] * J[:, b]
            g_xyz[:, i] += push
            g_xyz[:, j] -= push
            H[column, column] += w.sum() * by_length**2
            g[column] += by_length * (w * r[:, b]).sum()
            along = by_length * w[:, None] * J[:, b]
            cross[:, i, :, column] += along
            cross[:, j, :, column] -= along

    def moved(
        self, views: Views, xyz: FloatArray, bone: FloatArray, step: FloatArray, dx: FloatArray
    ):
        """The state after a step of the reduced parameters and the joints."""
        padded = np.append(step, 0.0)  # index −1 reads the 0
        local = padded[self.index]
        turn = Rotation.from_rotvec(local[:, :3]).as_matrix()
        stretch = np.clip(local[:, LOG_FOCAL], -_MAX_LOG_FOCAL_STEP, _MAX_LOG_FOCAL_STEP)
        moved = Views(
            R=turn @ views.R,
            t=views.t + local[:, 3:6],
            focal=views.focal * np.exp(stretch),
            center=views.center + local[:, CENTER],
            k=views.k + local[:, [K1, K2]],
        )
        return moved, xyz + dx.reshape(xyz.shape), bone + step[self.cameras_size :]


def _solve(normal: tuple[FloatArray, ...], damping: float) -> tuple[FloatArray, FloatArray]:
    """One damped step by Schur complement: reduced parameters (P,) and joints (F, D)."""
    H, g, frame, g_xyz, cross = normal
    size = frame.shape[1]
    diagonal = np.einsum("faa->fa", frame)
    lift = damping * diagonal + 1e-9 * diagonal.max(initial=1e-12)
    damped = frame + lift[..., None] * np.eye(size)
    solved = np.linalg.solve(damped, np.concatenate([cross, g_xyz[..., None]], axis=-1))
    flat = cross.reshape(-1, cross.shape[-1])
    reduced = flat.T @ solved.reshape(len(flat), -1)
    S = H + np.diag(damping * np.diag(H) + 1e-12) - reduced[:, :-1]
    step = -np.linalg.solve(S, g - reduced[:, -1])
    return step, -(solved[..., -1] + solved[..., :-1] @ step)


def _mean_bones(xyz: FloatArray, bones: NDArray[np.int64]) -> FloatArray:
    """Median log length of each bone, (B,)."""
    d = np.linalg.norm(xyz[:, bones[:, 0]] - xyz[:, bones[:, 1]], axis=-1)
    return np.median(np.log(np.maximum(d, 1e-6)), axis=0) if len(bones) else np.zeros(0)


def adjust(
    seen: Observations, views: Views, xyz: FloatArray, priors: Priors, iterations: int = 50
) -> Adjusted:
    """Minimise the robust reprojection error over cameras and joints.

    Args:
        seen: detections.
        views: start.
        xyz: (F, J, 3) start; finite everywhere (unseen joints are ignored).
        priors: what is free.
        iterations: at most this many steps.

    Returns:
        The state of lowest cost found; the cost never rises.
    """
    cost = _Cost(seen, priors)
    state: tuple[Any, ...] = (views, xyz, _mean_bones(xyz, cost.bones))
    best = cost.value(*state)
    damping = _DAMPING_START
    taken = 0
    for _ in range(iterations):
        normal = cost.normal(*state)
        while damping < _DAMPING_MAX:
            trial = cost.moved(*state, *_solve(normal, damping))
            value = cost.value(*trial)
            if value < best:
                break
            damping *= 4
        else:
            break
        fall, state, best = (best - value) / best, trial, value
        damping = max(damping / 5, _DAMPING_MIN)
        taken += 1
        if fall < _CONVERGED:
            break
    total = float(seen.weight.sum())
    return Adjusted(state[0], state[1], best / total, _focal_sigma(cost, state), taken)


def _focal_sigma(cost: _Cost, state: tuple[Any, ...]) -> FloatArray:
    """Standard deviation of each log focal length, (C,)."""
    H, _, frame, _, cross = cost.normal(*state)
    lift = 1e-9 * np.einsum("faa->fa", frame).max(initial=1e-12) * np.eye(frame.shape[1])
    S = H - np.einsum("fdp,fdq->pq", cross, np.linalg.solve(frame + lift, cross))
    # The scale of the scene is free: its null direction is the translations of all cameras.
    covariance = np.linalg.pinv(S, rcond=1e-9, hermitian=True)
    column = cost.index[:, LOG_FOCAL]
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0))
    return np.where(column >= 0, sigma[column], np.nan)


def held(priors: Priors) -> Priors:
    """The same priors with all intrinsics held and bones free: poses and joints only."""
    zero = np.zeros_like(priors.sigma_log_focal)
    return replace(
        priors,
        sigma_log_focal=zero,
        sigma_center_px=zero,
        sigma_k1=0.0,
        sigma_k2=0.0,
        sigma_bone=0.0,
    )
