"""Relative pose that minimises the robust Sampson error of all correspondences, weighted.

Five parameters: a rotation and a direction. With two views, minimising the Sampson error is bundle
adjustment with the points eliminated, to first order (Hartley and Zisserman, §11.4.3). It starts
from a RANSAC pose; on people the result does not depend on which one. It is more accurate than
RANSAC's own refinement (by a tenth to a third, on 50 frames), because it knows the confidences and
keeps the correspondences near the threshold.
"""

import numpy as np

from gentri.data import FloatArray
from gentri.geometry.epipolar import homogeneous, skew

_STEPS = 20
_DAMPING_START, _DAMPING_RISE, _DAMPING_FALL = 1e-3, 4.0, 5.0
_DAMPING_MIN, _DAMPING_MAX = 1e-9, 1e6
_CONVERGED = 1e-9  # relative fall of the cost


def refine_pose(
    R: FloatArray, t: FloatArray, a: FloatArray, b: FloatArray, weight: FloatArray, scale: float
) -> tuple[FloatArray, FloatArray]:
    """R (3, 3) and unit t (3,) of lowest Cauchy cost near a start, by Levenberg–Marquardt.

    Args:
        R: (3, 3) start, b_from_a.
        t: (3,) start.
        a: (N, 2) normalised image coordinates.
        b: (N, 2) in the other view.
        weight: (N,) ≥ 0.
        scale: of the Cauchy loss, same unit as a and b.
    """
    ah, bh = homogeneous(a), homogeneous(b)
    t = t / np.linalg.norm(t)
    r, J = _residuals(R, t, ah, bh)
    cost = _cost(r, weight, scale)
    damping = _DAMPING_START
    for _ in range(_STEPS):
        robust = weight / (1 + (r / scale) ** 2)
        H, g = (J * robust[:, None]).T @ J, J.T @ (robust * r)
        fall = 0.0
        while damping < _DAMPING_MAX:
            step = -np.linalg.solve(H + damping * np.diag(np.diag(H)) + 1e-15 * np.eye(5), g)
            trial = _moved(R, t, step)
            r_trial, J_trial = _residuals(*trial, ah, bh)
            if (lower := _cost(r_trial, weight, scale)) < cost:
                fall = (cost - lower) / cost
                (R, t), r, J, cost = trial, r_trial, J_trial, lower
                damping = max(damping / _DAMPING_FALL, _DAMPING_MIN)
                break
            damping *= _DAMPING_RISE
        if fall < _CONVERGED:
            break
    return R, t


def _cost(r: FloatArray, weight: FloatArray, scale: float) -> float:
    return float((weight * np.log1p((r / scale) ** 2)).sum())


def _across(t: FloatArray) -> FloatArray:
    """Two unit vectors (2, 3) at right angles to t and to each other."""
    return np.linalg.svd(t[None])[2][1:]


def _moved(R: FloatArray, t: FloatArray, step: FloatArray) -> tuple[FloatArray, FloatArray]:
    from scipy.spatial.transform import Rotation

    moved = t + step[3:] @ _across(t)
    return Rotation.from_rotvec(step[:3]).as_matrix() @ R, moved / np.linalg.norm(moved)


def _residuals(
    R: FloatArray, t: FloatArray, ah: FloatArray, bh: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Signed Sampson distances (N,) and their derivatives (N, 5) by rotation and direction."""
    E = skew(t) @ R
    by = np.concatenate([skew(t) @ skew(np.eye(3)) @ R, skew(_across(t)) @ R])
    Ea, Etb = ah @ E.T, bh @ E
    n = (bh * Ea).sum(-1)
    d = (Ea[:, :2] ** 2).sum(-1) + (Etb[:, :2] ** 2).sum(-1)
    dEa, dEtb = ah @ np.swapaxes(by, -1, -2), bh @ by
    dn = (bh * dEa).sum(-1)
    dd = 2 * ((Ea * dEa)[..., :2].sum(-1) + (Etb * dEtb)[..., :2].sum(-1))
    root = np.sqrt(d)
    return n / root, (dn / root - n * dd / (2 * d * root)).T
