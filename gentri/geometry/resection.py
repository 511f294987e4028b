"""A camera from joints that are already known in space (method: PoseLib's P3P LO-RANSAC)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.two_view import prefers_exchange, relabelled

_MIN_POINTS = 12
_ITERATIONS = (100, 1000)  # at least, at most
# A resection sees the error of the triangulated joints as well as its own.
_THRESHOLD = 3.0


@dataclass(frozen=True, eq=False)
class Resection:
    """Pose of one camera.

    Attributes:
        R: (3, 3), t: (3,), cam_from_world.
        swapped: (F,) frames whose sides were exchanged.
        inliers: joints that agree.
    """

    R: FloatArray
    t: FloatArray
    swapped: NDArray[np.bool_]
    inliers: int


def truncated_errors(
    xy: FloatArray, R: FloatArray, t: FloatArray, xyz: FloatArray, threshold: float
) -> FloatArray:
    """Reprojection errors (F, J) in one camera, 1 where far off or behind it; NaN if unknown."""
    p = xyz @ R.T + t
    depth = p[..., 2]
    behind = depth <= 0
    e = np.linalg.norm(p[..., :2] / np.where(behind, 1.0, depth)[..., None] - xy, axis=-1)
    far = np.where(np.isfinite(e), 1.0, np.nan)
    return np.where(behind, far, np.minimum(e / (_THRESHOLD * threshold), 1.0))


def resect(
    xy: FloatArray, xyz: FloatArray, threshold: float, mirror: NDArray[np.int64], seed: int
) -> Resection | None:
    """Pose of one camera, each frame with the sides that fit better; None when too few agree.

    Args:
        xy: (F, J, 2) normalised image coordinates, NaN where not seen.
        xyz: (F, J, 3), NaN where unknown.
        threshold: error of a detection, normalised coordinates.
        mirror: (J,) left/right counterparts.
        seed: of the sampling.
    """
    first = _absolute_pose(xy, xyz, threshold, seed)
    if first is None:
        return None
    R, t, inliers = first

    def cost(labelled: FloatArray) -> FloatArray:
        return np.nansum(truncated_errors(labelled, R, t, xyz, threshold), axis=-1)

    swapped = prefers_exchange(cost(xy), cost(xy[:, mirror]))
    if not swapped.any():
        return Resection(R, t, swapped, inliers)
    second = _absolute_pose(relabelled(xy, swapped, mirror), xyz, threshold, seed)
    if second is None:
        return Resection(R, t, np.zeros_like(swapped), inliers)
    return Resection(second[0], second[1], swapped, second[2])


def _absolute_pose(
    xy: FloatArray, xyz: FloatArray, threshold: float, seed: int
) -> tuple[FloatArray, FloatArray, int] | None:
    """R, t and how many joints agree; None when too few do."""
    import poselib

    known = np.isfinite(xy).all(-1) & np.isfinite(xyz).all(-1)
    if known.sum() < _MIN_POINTS:
        return None
    camera = {"model": "SIMPLE_PINHOLE", "width": 2, "height": 2, "params": [1.0, 0.0, 0.0]}
    limit = _THRESHOLD * threshold
    least, most = _ITERATIONS
    ransac = {
        "max_reproj_error": limit,
        "min_iterations": least,
        "max_iterations": most,
        "seed": seed,
    }
    refine = {"loss_type": "CAUCHY", "loss_scale": limit / 2}
    pose, info = poselib.estimate_absolute_pose(xy[known], xyz[known], camera, ransac, refine)
    if info["num_inliers"] < _MIN_POINTS:
        return None
    return np.asarray(pose.R), np.asarray(pose.t), int(info["num_inliers"])
