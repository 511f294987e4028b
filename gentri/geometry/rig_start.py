"""A first rig from pairs of views: grown camera by camera, or all at once; the better one is kept.

The incremental start is structure from motion (Snavely et al., "Photo Tourism", 2006, §4;
Schönberger and Frahm, "Structure-from-Motion Revisited", 2016, §4) with the joints of a moving
person as points. Its seed pair is judged by how well a third camera, which had no say in it, agrees
with it. The global start is in `global_start`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.epipolar import RelativePose, TwoViewSolver
from gentri.geometry.global_start import global_poses
from gentri.geometry.pair_graph import Pair, PairGraph, pair_graph
from gentri.geometry.resection import Resection, resect, truncated_errors
from gentri.geometry.triangulation import triangulate

_SEEDS = 6  # pairs judged by a third view
_GROWN = 2  # of them, grown to whole rigs
_CANDIDATES = 3  # cameras resected before one is added, those that share most joints
_POLISH_ROUNDS = 3
# Merit of a seed pair whose rays are parallel or opposite, against 1.2 at right angles.
_PARALLEL_MERIT = 0.2


@dataclass(frozen=True, eq=False)
class Joints:
    """What all cameras saw.

    Attributes:
        xy: (C, F, J, 2) normalised image coordinates, NaN where not seen.
        weight: (C, F, J) ≥ 0.
        threshold: error of a detection, normalised coordinates.
        mirror: (J,) left/right counterparts.
        seed: of all sampling.
    """

    xy: FloatArray
    weight: FloatArray
    threshold: float
    mirror: NDArray[np.int64]
    seed: int

    def labelled(self, swapped: NDArray[np.bool_]) -> FloatArray:
        """`xy` with left and right exchanged in the frames marked in (C, F)."""
        return np.where(swapped[..., None, None], self.xy[:, :, self.mirror], self.xy)


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


def start_rig(joints: Joints, solver: TwoViewSolver) -> RigStart | None:
    """The best rig over several ways to begin.

    Args:
        joints: what the cameras saw.
        solver: of pairs.

    Returns:
        The rig with the most cameras and, among these, the lowest cost; None when no pair has a
        pose.
    """
    xy, weight = joints.xy, joints.weight
    pairs = pair_graph(xy, weight, joints.threshold, joints.mirror, joints.seed, solver)
    if not pairs:
        return None
    rigs = [_grow(joints, begun) for begun in _seeds(joints, pairs)]
    rigs.append(_all_at_once(joints, pairs))
    return min(rigs, key=lambda r: (-int(r.placed.sum()), r.cost))


def _seeds(joints: Joints, pairs: PairGraph) -> list[RigStart]:
    """Rigs of two cameras and of a third that fits them best: the most convincing few."""
    ranked = sorted(pairs, key=lambda p: (-_merit(pairs[p].pose), p))[:_SEEDS]
    begun = [_begin(joints, edge, pairs[edge]) for edge in ranked]
    if len(joints.xy) > 2:
        begun = [_with_another(joints, rig) or rig for rig in begun]
    return sorted(begun, key=lambda r: (-int(r.placed.sum()), r.cost))[:_GROWN]


def _merit(pose: RelativePose) -> float:
    """Support, less for pairs whose rays are nearly parallel or opposite (depth is then free)."""
    turn = np.arccos(np.clip((np.trace(pose.R) - 1) / 2, -1, 1))
    return pose.support * (_PARALLEL_MERIT + float(np.sin(turn)))


def _begin(joints: Joints, edge: tuple[int, int], pair: Pair) -> RigStart:
    count, frames = joints.xy.shape[:2]
    R, t = np.full((count, 3, 3), np.nan), np.full((count, 3), np.nan)
    swapped = np.zeros((count, frames), dtype=bool)
    a, b = edge
    R[a], t[a] = np.eye(3), 0.0
    R[b], t[b], swapped[b] = pair.pose.R, pair.pose.t, pair.swapped
    return _with_structure(joints, R, t, swapped)


def _grow(joints: Joints, rig: RigStart) -> RigStart:
    """The rig with all cameras that can be added, always the one that most joints agree on."""
    while not rig.placed.all():
        larger = _with_another(joints, rig)
        if larger is None:
            break
        rig = larger
    return rig


def _with_another(joints: Joints, rig: RigStart) -> RigStart | None:
    """The rig with one more camera; None when none can be placed."""
    known = np.isfinite(rig.xyz[..., 0])
    shared = (np.isfinite(joints.xy[..., 0]) & known).sum(axis=(1, 2))
    waiting = sorted(np.flatnonzero(~rig.placed), key=lambda c: (-shared[c], c))
    for first in range(0, len(waiting), _CANDIDATES):
        found = {
            int(c): resection
            for c in waiting[first : first + _CANDIDATES]
            if (resection := _resected(joints, rig, int(c))) is not None
        }
        if found:
            c = max(found, key=lambda c: (found[c].inliers, -c))
            R, t, swapped = rig.R.copy(), rig.t.copy(), rig.swapped.copy()
            R[c], t[c], swapped[c] = found[c].R, found[c].t, found[c].swapped
            return _with_structure(joints, R, t, swapped)
    return None


def _resected(joints: Joints, rig: RigStart, camera: int) -> Resection | None:
    return resect(joints.xy[camera], rig.xyz, joints.threshold, joints.mirror, joints.seed)


def _all_at_once(joints: Joints, pairs: PairGraph) -> RigStart:
    """The global start, each camera then fitted to the joints that all of them see together."""
    poses = {edge: pair.pose for edge, pair in pairs.items()}
    R, t = global_poses(poses, len(joints.xy))
    rig = _with_structure(joints, R, t, np.zeros(joints.xy.shape[:2], dtype=bool))
    for _ in range(_POLISH_ROUNDS):
        R, t, swapped = rig.R.copy(), rig.t.copy(), rig.swapped.copy()
        for c in np.flatnonzero(rig.placed):
            if (found := _resected(joints, rig, int(c))) is not None:
                R[c], t[c], swapped[c] = found.R, found.t, found.swapped
        better = _with_structure(joints, R, t, swapped)
        if better.cost >= rig.cost:
            break
        rig = better
    return rig


def _placed(t: FloatArray) -> NDArray[np.bool_]:
    return np.all(np.isfinite(t), axis=-1)


def _with_structure(
    joints: Joints, R: FloatArray, t: FloatArray, swapped: NDArray[np.bool_]
) -> RigStart:
    """Cameras with the joints that they see, and the cost of both together."""
    at, limit = np.flatnonzero(_placed(t)), joints.threshold
    labelled = joints.labelled(swapped)
    xyz = triangulate(labelled[at], joints.weight[at], R[at], t[at], limit)
    errors = [truncated_errors(labelled[c], R[c], t[c], xyz, limit) for c in at]
    known = np.isfinite(errors)
    cost = float(np.mean(np.array(errors)[known])) if known.any() else np.inf
    return RigStart(R, t, xyz, swapped, cost)
