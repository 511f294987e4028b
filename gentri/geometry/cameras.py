"""Pinhole cameras with OpenCV's radial-tangential distortion (k1 k2 p1 p2 k3)."""

import numpy as np

from gentri.data import Camera, FloatArray

# Newton on a smooth, nearly identical map: quadratic convergence; wide phone lenses need 4–6 steps.
_UNDISTORT_STEPS = 12

# In front of a camera means at least this far along its axis, metres (or rig units).
MIN_DEPTH = 1e-6


def distort(xy: FloatArray, dist: FloatArray) -> FloatArray:
    """Normalised image coordinates (..., 2) as the lens bends them.

    Args:
        xy: x/z, y/z.
        dist: (5,) k1 k2 p1 p2 k3 (OpenCV camera calibration, "pinhole camera model").
    """
    k1, k2, p1, p2, k3 = dist
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )


def _distort_jacobian(xy: FloatArray, dist: FloatArray) -> FloatArray:
    """Derivative of `distort` by its input, (..., 2, 2)."""
    k1, k2, p1, p2, k3 = dist
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = 2 * (k1 + r2 * (2 * k2 + 3 * r2 * k3))  # d radial / d r2, times 2
    off = x * y * slope + 2 * (p1 * x + p2 * y)
    xx = radial + x * x * slope + 2 * p1 * y + 6 * p2 * x
    yy = radial + y * y * slope + 6 * p1 * y + 2 * p2 * x
    return np.stack([np.stack([xx, off], -1), np.stack([off, yy], -1)], -2)


def undistort(camera: Camera, xy_px: FloatArray) -> FloatArray:
    """Ray directions of distorted pixels as normalised image coordinates x/z, y/z.

    Args:
        camera: the camera.
        xy_px: (..., 2) distorted pixels; NaN stays NaN.

    Returns:
        (..., 2) float64. NaN where the lens model cannot be inverted (far outside the image).
    """
    K = camera.K
    target = np.stack(
        [
            (xy_px[..., 0] - K[0, 2] - K[0, 1] * (xy_px[..., 1] - K[1, 2]) / K[1, 1]) / K[0, 0],
            (xy_px[..., 1] - K[1, 2]) / K[1, 1],
        ],
        axis=-1,
    ).astype(np.float64)
    if not camera.dist.any():
        return target
    xy = target.copy()
    for _ in range(_UNDISTORT_STEPS):
        J = _distort_jacobian(xy, camera.dist)
        det = J[..., 0, 0] * J[..., 1, 1] - J[..., 0, 1] * J[..., 1, 0]
        e = distort(xy, camera.dist) - target
        with np.errstate(divide="ignore", invalid="ignore"):
            dx = (J[..., 1, 1] * e[..., 0] - J[..., 0, 1] * e[..., 1]) / det
            dy = (J[..., 0, 0] * e[..., 1] - J[..., 1, 0] * e[..., 0]) / det
        xy = xy - np.stack([dx, dy], axis=-1)
    J = _distort_jacobian(xy, camera.dist)
    det = J[..., 0, 0] * J[..., 1, 1] - J[..., 0, 1] * J[..., 1, 0]
    with np.errstate(invalid="ignore"):
        # Beyond the fold of a lens model the map has turned over: another ray, of the wrong side.
        folded = ~((det > 0) & (J[..., 0, 0] + J[..., 1, 1] > 0))
        missed = folded | ~(np.abs(distort(xy, camera.dist) - target).max(axis=-1) < 1e-9)
    xy[missed] = np.nan
    return xy


def project(camera: Camera, xyz: FloatArray) -> FloatArray:
    """Distorted pixels of world points.

    Args:
        camera: the camera.
        xyz: (..., 3) metres, world.

    Returns:
        (..., 2) float64 pixels; NaN behind the camera and where xyz is NaN.
    """
    p = camera.cam_from_world.apply(np.asarray(xyz, dtype=np.float64))
    depth = np.where(p[..., 2:] > MIN_DEPTH, p[..., 2:], np.nan)
    return pixels(camera, p[..., :2] / depth)


def pixels(camera: Camera, xy: FloatArray) -> FloatArray:
    """Distorted pixels (..., 2) of normalised image coordinates x/z, y/z."""
    return distort(xy, camera.dist) @ camera.K[:2, :2].T + camera.K[:2, 2]


def pinhole_K(width: int, height: int, focal_px: float) -> FloatArray:
    """Calibration matrix (3, 3) with the principal point at the image centre."""
    return np.array(
        [[focal_px, 0.0, (width - 1) / 2], [0.0, focal_px, (height - 1) / 2], [0.0, 0.0, 1.0]]
    )
