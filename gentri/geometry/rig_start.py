"""A first rig from pairs of views: seed pair, then one camera after the other.

Incremental structure from motion (Snavely et al., "Photo Tourism", 2006, §4; Schönberger and Frahm,
"Structure-from-Motion Revisited", 2016, §4), with the joints of one moving person as points. The seed pair is
chosen by how well the cameras that it did not use agree with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gentri.data import FloatArray
from gentri.geometry.triangulation import triangulate
from gentri.geometry.two_view import RelativePose, relative_pose_of_frames

_SEEDS = 6  # pairs tried as a start
_MIN_PNP_POINTS = 12
# A resection sees the error of the triangulated joints as well as its own.
_PNP_THRESHOLD = 3.0


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
    swapped: FloatArray
    cost: float

    @property
    def placed(self) -> FloatArray:
        """Cameras that have a pose, (C,) bool."""
        return np.isfinite(self.t).all(-1)


def pairwise_poses(
    xy: FloatArray, threshold: float, mirror: FloatArray, seed: int
) -> dict[tuple[int, int], tuple[RelativePose, FloatArray]]:
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
    xy: FloatArray, weight: FloatArray, threshold: float, mirror: FloatArray, seed: int
) -> RigStart | None:
    """The best incremental rig over several seed pairs.

    Args:
        xy: (C, F, J, 2) normalised image coordinates, NaN where not seen.
        weight: (C, F, J) ≥ 0.
        threshold: largest reprojection error of an inlier, normalised coordinates.
        mirror: (J,) left/right counterparts.
        seed: of the sampling.

    Returns:
        The rig with the most cameras and, among these, the lowest cost; None when no pair has a pose.
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
    return pose.support * (0.2 + float(np.sin(turn)))


def _grow(
    xy: FloatArray,
    weight: FloatArray,
    threshold: float,
    mirror: FloatArray,
    pair: tuple[int, int],
    first: tuple[RelativePose, FloatArray],
    seed: int,
) -> RigStart:
    a, b = pair
    count, frames = xy.shape[:2]
    R, t = np.full((count, 3, 3), np.nan), np.full((count, 3), np.nan)
    R[a], t[a] = np.eye(3), 0.0
    R[b], t[b] = first[0].R, first[0].t
    swapped = np.zeros((count, frames), dtype=bool)
    swapped[b] = first[1]
    labelled = xy.copy()
    labelled[b, swapped[b]] = xy[b][np.ix_(swapped[b], mirror)]
    xyz = _structure(labelled, weight, R, t, threshold)
    waiting = set(range(count)) - {a, b}
    while waiting:
        tries = [_resect(xy[c], xyz, threshold, mirror, seed) for c in sorted(waiting)]
        options = [
            (p[2], c, p) for c, p in zip(sorted(waiting), tries, strict=True) if p is not None
        ]
        if not options:
            break
        _, c, (pose, flips, _) = max(options, key=lambda o: (o[0], -o[1]))
        R[c], t[c] = pose
        swapped[c] = flips
        labelled[c, flips] = xy[c][np.ix_(flips, mirror)]
        xyz = _structure(labelled, weight, R, t, threshold)
        waiting.remove(c)
    return RigStart(R, t, xyz, swapped, _truncated_cost(labelled, R, t, xyz, threshold))


def _structure(
    xy: FloatArray, weight: FloatArray, R: FloatArray, t: FloatArray, scale: float
) -> FloatArray:
    placed = np.isfinite(t).all(-1)
    return triangulate(xy[placed], weight[placed], R[placed], t[placed], scale)


def _errors(xy: FloatArray, R: FloatArray, t: FloatArray, xyz: FloatArray) -> FloatArray:
    """Reprojection errors in normalised coordinates (..., ), infinite behind the camera."""
    p = xyz @ R.T + t
    with np.errstate(divide="ignore", invalid="ignore"):
        e = np.linalg.norm(p[..., :2] / p[..., 2:] - xy, axis=-1)
    return np.where(p[..., 2] > 0, e, np.where(np.isnan(p[..., 2]), np.nan, np.inf))


def _truncated_cost(
    xy: FloatArray, R: FloatArray, t: FloatArray, xyz: FloatArray, threshold: float
) -> float:
    placed = np.flatnonzero(np.isfinite(t).all(-1))
    e = np.stack([_errors(xy[c], R[c], t[c], xyz) for c in placed]) / (_PNP_THRESHOLD * threshold)
    return float(np.nanmean(np.minimum(e, 1.0)))


def _resect(
    xy: FloatArray, xyz: FloatArray, threshold: float, mirror: FloatArray, seed: int
) -> tuple[tuple[FloatArray, FloatArray], FloatArray, int] | None:
    """Pose of one camera from known joints: ((R, t), relabelled frames, inliers), or None."""
    swapped = np.zeros(len(xy), dtype=bool)
    found = None
    for labelled, flips in _labelings(xy, mirror, swapped):
        both = np.isfinite(labelled).all(-1) & np.isfinite(xyz).all(-1)
        if both.sum() < _MIN_PNP_POINTS:
            return None
        found = _absolute_pose(labelled[both], xyz[both], threshold, seed)
        if found is None:
            return None
        (R, t), inliers = found

        def cost(points: FloatArray, R: FloatArray = R, t: FloatArray = t) -> FloatArray:
            e = _errors(points, R, t, xyz) / (_PNP_THRESHOLD * threshold)
            return np.nansum(np.minimum(e, 1.0), axis=-1)

        swapped[:] = cost(xy[:, mirror]) < 0.5 * cost(xy) - 1.0
    return None if found is None else (found[0], flips, found[1])


def _labelings(
    xy: FloatArray, mirror: FloatArray, swapped: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """The plain labeling, then the one that the caller marked in `swapped` meanwhile."""
    yield xy, swapped.copy()
    yield np.where(swapped[:, None, None], xy[:, mirror], xy), swapped.copy()


def _absolute_pose(
    xy: FloatArray, xyz: FloatArray, threshold: float, seed: int
) -> tuple[tuple[FloatArray, FloatArray], int] | None:
    import poselib

    camera = {"model": "SIMPLE_PINHOLE", "width": 2, "height": 2, "params": [1.0, 0.0, 0.0]}
    limit = _PNP_THRESHOLD * threshold
    ransac = {
        "max_reproj_error": limit,
        "min_iterations": 100,
        "max_iterations": 1000,
        "seed": seed,
    }
    refine = {"loss_type": "CAUCHY", "loss_scale": limit / 2}
    pose, info = poselib.estimate_absolute_pose(xy, xyz, camera, ransac, refine)
    if info["num_inliers"] < _MIN_PNP_POINTS:
        return None
    return (np.asarray(pose.R), np.asarray(pose.t)), int(info["num_inliers"])
