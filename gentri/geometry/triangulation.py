"""Points from rays, in numpy: the start values of calibration."""

import numpy as np

from gentri.data import FloatArray

_ROBUST_STEPS = 5
_NEAREST = 1e-9  # rig units: a point in an optical centre has no angle
_RIDGE = 1e-12  # relative: parallel rays have no intersection


def ray_directions(xy: FloatArray, R: FloatArray) -> FloatArray:
    """Unit world directions (C, 3, N) of normalised coordinates (C, N, 2), R: (C, 3, 3)."""
    h = np.stack([xy[..., 0], xy[..., 1], np.ones(xy.shape[:-1])], axis=1)
    d = np.swapaxes(R, 1, 2) @ h
    return d / np.sqrt((d**2).sum(1, keepdims=True))


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
    seen = np.isfinite(xy[..., 0]) & np.isfinite(xy[..., 1]) & (weight > 0)
    w = np.where(seen, weight, 0.0).reshape(len(R), -1)
    d = ray_directions(np.where(seen[..., None], xy, 0.0).reshape(*w.shape, 2), R)
    center = -np.einsum("cji,cj->ci", R, t)[..., None]
    offset = center - d * (d * center).sum(1, keepdims=True)
    robust, xyz = w, np.zeros((3, w.shape[1]))
    for step in range(1 if np.isinf(scale) else 1 + _ROBUST_STEPS):
        if step:
            to_point = xyz - center
            square = (to_point**2).sum(1)
            miss = square - (d * to_point).sum(1) ** 2
            # miss / square is that of the angle; square makes of it a distance from the ray.
            robust = w / (np.maximum(square, _NEAREST**2) + np.maximum(miss, 0.0) / scale**2)
        xyz = _solved(robust, d, (robust[:, None] * offset).sum(0))
    xyz = xyz.T.reshape(*xy.shape[1:-1], 3)
    xyz[seen.sum(0) < 2] = np.nan
    return xyz


def _solved(w: FloatArray, d: FloatArray, b: FloatArray) -> FloatArray:
    """Solution (3, N) of Σ w (I − ddᵀ) X = b, by LDLᵀ of so many matrices at once.

    Args:
        w: (C, N).
        d: (C, 3, N).
        b: (3, N).
    """
    trace = np.maximum(2 * w.sum(0), 1e-300)
    wd = w[:, None] * d
    xx, xy, xz = (-(wd[:, 0] * d[:, i]).sum(0) / trace for i in range(3))
    yy, yz, zz = (-(wd[:, i] * d[:, j]).sum(0) / trace for i, j in ((1, 1), (1, 2), (2, 2)))
    diagonal = w.sum(0) / trace + _RIDGE
    b0, b1, b2 = b / trace
    a = xx + diagonal
    l10, l20 = xy / a, xz / a
    c = yy + diagonal - l10 * xy
    l21 = (yz - l20 * xy) / c
    e = zz + diagonal - l20 * xz - l21**2 * c
    y1 = b1 - l10 * b0
    z = (b2 - l20 * b0 - l21 * y1) / e
    y = y1 / c - l21 * z
    return np.stack([b0 / a - l10 * y - l20 * z, y, z])
