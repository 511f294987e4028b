"""Rotations about the axes, in the order that a file names them."""

import numpy as np

from gentri.data import FloatArray


def about(axis: str, angle: FloatArray) -> FloatArray:
    """Rotations (..., 3, 3) about "x", "y" or "z" by angles (...), radians."""
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    R = np.zeros((*np.shape(angle), 3, 3))
    R[..., i, i] = 1.0
    R[..., j, j] = R[..., k, k] = np.cos(angle)
    R[..., k, j] = np.sin(angle)
    R[..., j, k] = -R[..., k, j]
    return R


def chained(axes: str, angles: FloatArray) -> FloatArray:
    """The product of rotations, the first one leftmost.

    Args:
        axes: N letters of "xyz".
        angles: (..., N) radians.

    Returns:
        (..., 3, 3); the identity for N = 0.
    """
    R = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for n, axis in enumerate(axes):
        R = R @ about(axis, angles[..., n])
    return R
