"""Projection of joints into all cameras at once, with its analytic derivatives.

`cameras.py` holds the same model for one camera of a finished rig and its full lens; here the
cameras are arrays, the lens has k1 and k2 alone, and the principal point is free.
"""

from dataclasses import dataclass

import numpy as np

from gentri.data import FloatArray

# Local parameters of a camera: rotation, translation, log focal, principal point, k1, k2.
POSE, LOG_FOCAL, CENTER, K1, K2 = slice(0, 6), 6, slice(7, 9), 9, 10
CAMERA_PARAMS = 11

# Points this close to a camera plane have no usable projection (rig units, baseline about 1).
NEAR = 1e-3


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


def project_views(views: Views, xyz: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pixels (C, F, J, 2) and camera-frame points (C, F, J, 3) of joints (F, J, 3)."""
    Y = (xyz.reshape(-1, 3) @ np.swapaxes(views.R, -1, -2)).reshape(len(views.R), *xyz.shape)
    Y += views.t[:, None, None]
    u = Y[..., :2] / np.maximum(Y[..., 2:], NEAR)
    r2 = (u**2).sum(-1, keepdims=True)
    k1, k2 = (views.k[:, i, None, None, None] for i in (0, 1))
    bent = u * (1 + k1 * r2 + k2 * r2**2)
    return views.focal[:, None, None, None] * bent + views.center[:, None, None], Y


def projection_jacobians(views: Views, Y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Derivatives of the pixels of `project_views`.

    Args:
        views: C cameras.
        Y: (C, F, J, 3) joints in the camera frames, from `project_views`.

    Returns:
        by the local camera parameters (C, F, J, 2, 11), with the rotation perturbed from the left,
        and by the joints in the rig frame (C, F, J, 2, 3).
    """
    z = np.maximum(Y[..., 2], NEAR)
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
    by_Y[..., 2] = -(by_u * u[..., None, :]).sum(-1) / z[..., None]

    camera = np.empty((*z.shape, 2, CAMERA_PARAMS))
    x, y, z = np.moveaxis((Y - views.t[:, None, None])[..., None, :], -1, 0)
    a, b, c = np.moveaxis(by_Y, -1, 0)
    camera[..., 0] = y * c - z * b  # a·(w × RX) = w·(RX × a)
    camera[..., 1] = z * a - x * c
    camera[..., 2] = x * b - y * a
    camera[..., 3:6] = by_Y
    bent = f[..., None] * u
    camera[..., LOG_FOCAL] = bent * bend[..., None]
    camera[..., CENTER] = np.eye(2)
    camera[..., K1] = bent * r2[..., None]
    camera[..., K2] = bent * (r2**2)[..., None]
    count = len(views.R)
    return camera, (by_Y.reshape(count, -1, 3) @ views.R).reshape(by_Y.shape)
