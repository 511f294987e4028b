"""Which joints a camera cannot see: behind the own torso, or behind an object in the room."""

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Rig
from gentri.skeletons import COCO17

TORSO_RADIUS_M = 0.11  # of the trunk about the line from mid-hips to mid-shoulders
OBJECT_RADIUS_M, OBJECT_HEIGHT_M = 0.25, 1.0  # an upright thing that stands in the room
OBJECT_PLACE_M = (1.0, 2.5)  # its distance from the middle of the room

_HIPS = [COCO17.index("left_hip"), COCO17.index("right_hip")]
_SHOULDERS = [COCO17.index("left_shoulder"), COCO17.index("right_shoulder")]


def behind_torso(rig: Rig, xyz: FloatArray) -> NDArray[np.bool_]:
    """Joints (C, T, J) whose line of sight passes through the trunk of COCO-17 joints (T, J, 3)."""
    bottom = xyz[:, _HIPS].mean(axis=1)[:, None]
    top = xyz[:, _SHOULDERS].mean(axis=1)[:, None]
    return np.stack([_blocked(c.center, xyz, bottom, top, TORSO_RADIUS_M) for c in rig.cameras])


def behind_object(rng: np.random.Generator, rig: Rig, xyz: FloatArray) -> NDArray[np.bool_]:
    """Joints (C, T, J) hidden by one post that stands somewhere in the room."""
    azimuth, distance = rng.uniform(0.0, 2 * np.pi), rng.uniform(*OBJECT_PLACE_M)
    foot = np.array([distance * np.cos(azimuth), distance * np.sin(azimuth), 0.0])
    top = foot + np.array([0.0, 0.0, OBJECT_HEIGHT_M])
    return np.stack([_blocked(c.center, xyz, foot, top, OBJECT_RADIUS_M) for c in rig.cameras])


def _blocked(
    eye: FloatArray, xyz: FloatArray, bottom: FloatArray, top: FloatArray, radius_m: float
) -> NDArray[np.bool_]:
    """Whether the line from an eye (3,) to points (..., 3) enters a capsule before it ends.

    The point itself may lie in the capsule: it is hidden when the line comes closest to the axis at
    least a radius before it.
    """
    sight, axis, between = xyz - eye, top - bottom, eye - bottom
    a, b, c = (sight * sight).sum(-1), (sight * axis).sum(-1), (axis * axis).sum(-1)
    d, e = (sight * between).sum(-1), (axis * between).sum(-1)
    # Closest points of two segments: Ericson, Real-Time Collision Detection, 2005, §5.1.9.
    with np.errstate(invalid="ignore", divide="ignore"):
        s = np.clip((b * e - c * d) / np.maximum(a * c - b * b, 1e-12), 0.0, 1.0)
        u = np.clip((b * s + e) / c, 0.0, 1.0)
        s = np.clip((b * u - d) / a, 0.0, 1.0)
        gap = eye + s[..., None] * sight - (bottom + u[..., None] * axis)
        near = np.linalg.norm(gap, axis=-1) < radius_m
        return near & ((1 - s) * np.sqrt(a) > radius_m)
