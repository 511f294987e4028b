"""A first rig from pairs of views: seed pair, then one camera after the other.

Incremental structure from motion (Snavely et al., "Photo Tourism", 2006, §4; Schönberger and Frahm,
"Structure-from-Motion Revisited", 2016, §4), with the joints of one moving person as points. The
seed pair is chosen by how well the cameras that it did not use agree with it.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.triangulation import triangulate
from gentri.geometry.two_view import (
    RelativePose,
    prefers_exchange,
    relabelled,
    relative_pose_of_frames,
)

_SEEDS = 6  # pairs tried as a start
_MIN_PNP_POINTS = 12
_PNP_ITERATIONS = (100, 1000)  # at least, at most
# A resection sees the error of the triangulated joints as well as its own.
_PNP_THRESHOLD = 3.0
# Merit of a seed pair whose rays are parallel or opposite, against 1.2 at right angles.
_PARALLEL_MERIT = 0.2


@dataclass(frozen=True, eq=False)
class RigStart:
    """Cameras and joints up to a similarity.

    Attributes:
        R: (C, 3, 3), t: (C, 3), cam_from_world; NaN for cameras that could not be placed.
        xyz: (F, J, 3); NaN where not triangulated.
        swapped: (C, F) frames whose left and right sides were exchanged.
        cost: mean truncated reprojection error over all that was seen, in thresholds.
    """

    R: FloatArray
    t: FloatArray
    xyz: FloatArray
    swapped: NDArray[np.bool_]
    cost: float

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Cameras that have a pose, (C,)."""
        return _placed(self.t)


@dataclass(frozen=True, eq=False)
class _Resection:
    """Pose of one camera from known joints.

    Attributes:
        R: (3, 3), t: (3,), cam_from_world.
        swapped: (F,) frames whose sides were exchanged.
        inliers: joints that agree.
    """

    R: FloatArray
    t: FloatArray
    swapped: NDArray[np.bool_]
    inliers: int


def pairwise_poses(
    xy: FloatArray, threshold: float, mirror: NDArray[np.int64], seed: int
) -> dict[tuple[int, int], tuple[RelativePose, NDArray[np.bool_]]]:
    """Relative pose and relabelled frames of every pair of views that share enough joints.

    Args:
        xy: (C, F, J, 2) normalised image coordinates, NaN where not seen.
        threshold: Sampson distance of an inlier.
        mirror: (J,) left/right counterparts.
        seed: of the sampling.
    """
    found = {}
    for a, b in combinations(range(len(xy)), 2):
        pose, swapped = relative_pose_of_frames(xy[a], xy[b], threshold, mirror, seed)
        if pose is not None:
            found[a, b] = (pose, swapped)
    return found


def start_rig(
    xy: FloatArray, weight: FloatArray, threshold: float, mirror: NDArray[np.int64], seed: int
) -> RigStart | None:
    """The best incremental rig over several seed pairs.

    Args:
        xy: (C, F, J, 2) normalised image coordinates, NaN where not seen.
        weight: (C, F, J) ≥ 0.
        threshold: largest reprojection error of an inlier, normalised coordinates.
        mirror: (J,) left/right counterparts.
        seed: of the sampling.

    Returns:
        The rig with the most cameras and, among these, the lowest cost; None when no pair has a
        pose.
    """
    pairs = pairwise_poses(xy, threshold, mirror, seed)
    ranked = sorted(pairs, key=lambda p: (-_merit(pairs[p][0]), p))
    rigs = [
        _grow(xy, weight, threshold, mirror, pair, pairs[pair], seed) for pair in ranked[:_SEEDS]
    ]
    return min(rigs, key=lambda r: (-int(r.placed.sum()), r.cost), default=None)


def _merit(pose: RelativePose) -> float:
    """Support, less for pairs whose rays are nearly parallel or opposite (depth is then free)."""
    turn = np.arccos(np.clip((np.trace(pose.R) - 1) / 2, -1, 1))
    return pose.support * (_PARALLEL_MERIT + float(np.sin(turn)))


def _grow(
    xy: FloatArray,
    weight: FloatArray,
    threshold: float,
    mirror: NDArray[np.int64],
    pair: tuple[int, int],
    first: tuple[RelativePose, NDArray[np.bool_]],
    seed: int,
) -> RigStart:
    """The rig that grows from one pair, always by the camera that most joints agree on."""
    a, b = pair
    pose, swapped_b = first
    count, frames = xy.shape[:2]
    R, t = np.full((count, 3, 3), np.nan), np.full((count, 3), np.nan)
    swapped = np.zeros((count, frames), dtype=bool)
    R[a], t[a] = np.eye(3), 0.0
    R[b], t[b], swapped[b] = pose.R, pose.t, swapped_b
    labelled = xy.copy()
    labelled[b] = relabelled(xy[b], swapped[b], mirror)
    xyz = _structure(labelled, weight, R, t, threshold)
    while not _placed(t).all():
        found = {
            int(c): resection
            for c in np.flatnonzero(~_placed(t))
            if (resection := _resect(xy[c], xyz, threshold, mirror, seed)) is not None
        }
        if not found:
            break
        c = max(found, key=lambda c: (found[c].inliers, -c))
        R[c], t[c], swapped[c] = found[c].R, found[c].t, found[c].swapped
        labelled[c] = relabelled(xy[c], swapped[c], mirror)
        xyz = _structure(labelled, weight, R, t, threshold)
    return RigStart(R, t, xyz, swapped, _truncated_cost(labelled, R, t, xyz, threshold))


def _placed(t: FloatArray) -> NDArray[np.bool_]:
    return np.all(np.isfinite(t), axis=-1)


def _structure(
    xy: FloatArray, weight: FloatArray, R: FloatArray, t: FloatArray, scale: float
) -> FloatArray:
    placed = _placed(t)
    return triangulate(xy[placed], weight[placed], R[placed], t[placed], scale)


def _truncated_errors(
    xy: FloatArray, R: FloatArray, t: FloatArray, xyz: FloatArray, threshold: float
) -> FloatArray:
    """Reprojection errors (F, J) in one camera, 1 where far off or behind it; NaN if unknown."""
    p = xyz @ R.T + t
    depth = p[..., 2]
    behind = depth <= 0
    e = np.linalg.norm(p[..., :2] / np.where(behind, 1.0, depth)[..., None] - xy, axis=-1)
    far = np.where(np.isfinite(e), 1.0, np.nan)
    return np.where(behind, far, np.minimum(e / (_PNP_THRESHOLD * threshold), 1.0))


def _truncated_cost(
    xy: FloatArray, R: FloatArray, t: FloatArray, xyz: FloatArray, threshold: float
) -> float:
    placed = np.flatnonzero(_placed(t))
    return float(np.nanmean([_truncated_errors(xy[c], R[c], t[c], xyz, threshold) for c in placed]))


def _resect(
    xy: FloatArray, xyz: FloatArray, threshold: float, mirror: NDArray[np.int64], seed: int
) -> _Resection | None:
    """Pose of one camera from known joints (F, J, 3), each frame with the sides that fit better."""
    as_seen = np.zeros(len(xy), dtype=bool)
    first = _absolute_pose(xy, xyz, threshold, seed)
    if first is None:
        return None
    R, t, inliers = first

    def cost(labelled: FloatArray) -> FloatArray:
        return np.nansum(_truncated_errors(labelled, R, t, xyz, threshold), axis=-1)

    swapped = prefers_exchange(cost(xy), cost(xy[:, mirror]))
    if not swapped.any():
        return _Resection(R, t, as_seen, inliers)
    second = _absolute_pose(relabelled(xy, swapped, mirror), xyz, threshold, seed)
    return None if second is None else _Resection(second[0], second[1], swapped, second[2])


def _absolute_pose(
    xy: FloatArray, xyz: FloatArray, threshold: float, seed: int
) -> tuple[FloatArray, FloatArray, int] | None:
    """R, t and how many joints agree (method: PoseLib's P3P LO-RANSAC); None when too few do."""
    import poselib

    known = np.isfinite(xy).all(-1) & np.isfinite(xyz).all(-1)
    if known.sum() < _MIN_PNP_POINTS:
        return None
    camera = {"model": "SIMPLE_PINHOLE", "width": 2, "height": 2, "params": [1.0, 0.0, 0.0]}
    limit = _PNP_THRESHOLD * threshold
    least, most = _PNP_ITERATIONS
    ransac = {
        "max_reproj_error": limit,
        "min_iterations": least,
        "max_iterations": most,
        "seed": seed,
    }
    refine = {"loss_type": "CAUCHY", "loss_scale": limit / 2}
    pose, info = poselib.estimate_absolute_pose(xy[known], xyz[known], camera, ransac, refine)
    if info["num_inliers"] < _MIN_PNP_POINTS:
        return None
    return np.asarray(pose.R), np.asarray(pose.t), int(info["num_inliers"])
