"""Points from rays, in numpy: the start values of calibration."""

import numpy as np

from gentri.data import FloatArray

_ROBUST_STEPS = 5
_NEAREST = 1e-9  # rig units: a point in an optical centre has no angle
_RIDGE = 1e-12  # relative: parallel rays have no intersection


def ray_directions(xy: FloatArray, R: FloatArray) -> FloatArray:
    """Unit world directions (C, ..., 3) of normalised coordinates (C, ..., 2), R: (C, 3, 3)."""
    h = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)
    d = np.einsum("cji,c...j->c...i", R, h)
    return d / np.linalg.norm(d, axis=-1, keepdims=True)


def triangulate(
    xy: FloatArray, weight: FloatArray, R: FloatArray, t: FloatArray, scale: float = np.inf
) -> FloatArray:
    """Closed-form least squares over rays, then Cauchy reweighting.

    X = A⁻¹ b with A = Σ w (I − ddᵀ), b = Σ w (I − ddᵀ) C: the midpoint method of Hartley and Sturm,
    "Triangulation", 1997, §5.3, for any number of rays.

    Args:
        xy: (C, ..., 2) normalised image coordinates; NaN where not seen.
        weight: (C, ...) ≥ 0.
        R: (C, 3, 3) cam_from_world.
        t: (C, 3) cam_from_world.
        scale: Cauchy scale of the angular error; infinite for plain least squares.

    Returns:
        (..., 3) in the world of R and t; NaN where fewer than two views have weight.
    """
    seen = np.isfinite(xy).all(-1) & (weight > 0)
    w = np.where(seen, weight, 0.0)
    d = ray_directions(np.where(seen[..., None], xy, 0.0), R)
    center = -np.einsum("cji,cj->ci", R, t).reshape(len(R), *(1,) * (xy.ndim - 2), 3)
    across = np.eye(3) - d[..., :, None] * d[..., None, :]
    offset = (across @ center[..., None])[..., 0]
    robust = w
    xyz = np.zeros((*xy.shape[1:-1], 3))
    for step in range(1 if np.isinf(scale) else 1 + _ROBUST_STEPS):
        if step:
            to_point = xyz - center
            miss = np.linalg.norm((across @ to_point[..., None])[..., 0], axis=-1)
            distance = np.linalg.norm(to_point, axis=-1)
            angle = miss / np.maximum(distance, _NEAREST)
            robust = w / (1 + (angle / scale) ** 2) / np.maximum(distance, _NEAREST) ** 2
        A = (robust[..., None, None] * across).sum(0)
        b = (robust[..., None] * offset).sum(0)
        trace = np.maximum(np.trace(A, axis1=-2, axis2=-1), 1e-300)[..., None]
        ridge = _RIDGE * np.eye(3)
        xyz = np.linalg.solve(A / trace[..., None] + ridge, (b / trace)[..., None])[..., 0]
    xyz[seen.sum(0) < 2] = np.nan
    return xyz
