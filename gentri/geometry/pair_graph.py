"""Which pairs of cameras are compared, and what each pair says about its relative pose."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.epipolar import RelativePose, TwoViewSolver
from gentri.geometry.two_view import relative_pose_of_frames

_LEAST_JOINTS = 40  # seen by both cameras, for a pair to be looked at
# Up to so many cameras every pair is compared; beyond that, pairs in which each camera takes part
# about so many times: the cost grows with the number of cameras, not with its square.
_ALL_PAIRS, _DEGREE = 8, 6


@dataclass(frozen=True, eq=False)
class Pair:
    """Two cameras a < b.

    Attributes:
        pose: b_from_a.
        swapped: (F,) frames of b whose left and right sides were exchanged.
    """

    pose: RelativePose
    swapped: NDArray[np.bool_]


PairGraph = dict[tuple[int, int], Pair]


def pair_graph(
    xy: FloatArray,
    weight: FloatArray,
    threshold: float,
    mirror: NDArray[np.int64],
    seed: int,
    solver: TwoViewSolver,
) -> PairGraph:
    """Relative poses of the pairs of views that share enough joints.

    Args:
        xy: (C, F, J, 2) normalised image coordinates, NaN where not seen.
        weight: (C, F, J) ≥ 0.
        threshold: Sampson distance of an inlier.
        mirror: (J,) left/right counterparts.
        seed: of the sampling.
        solver: of one pair.
    """
    found = {}
    for a, b in pairs_to_compare(np.isfinite(xy[..., 0]), seed):
        weights = (weight[a], weight[b])
        pose, swapped = relative_pose_of_frames(
            xy[a], xy[b], threshold, mirror, seed, solver=solver, weights=weights
        )
        if pose is not None:
            found[a, b] = Pair(pose, swapped)
    return found


def pairs_to_compare(seen: NDArray[np.bool_], seed: int) -> list[tuple[int, int]]:
    """Pairs of cameras that see the same joints (C, F, J), those with most in common first.

    All of them for few cameras. For many: the pairs of a spanning tree, so that nothing that is
    connected falls apart, and then the pairs whose cameras have been compared least.
    """
    flat = seen.reshape(len(seen), -1).astype(np.float32)
    common = flat @ flat.T
    pairs = [p for p in combinations(range(len(seen)), 2) if common[p] >= _LEAST_JOINTS]
    # Cameras around one volume all share about the same: chance spreads the choice among them.
    chance = np.random.default_rng(seed).permutation(len(pairs))
    order = sorted(range(len(pairs)), key=lambda i: (-round(np.log2(common[pairs[i]])), chance[i]))
    ranked = [pairs[i] for i in order]
    if len(seen) <= _ALL_PAIRS:
        return ranked
    group, degree = list(range(len(seen))), [0] * len(seen)
    chosen, later = [], []
    for a, b in ranked:
        if group[a] == group[b]:
            later.append((a, b))
            continue
        chosen.append((a, b))
        group = [group[a] if g == group[b] else g for g in group]
        degree[a], degree[b] = degree[a] + 1, degree[b] + 1
    for a, b in later:
        if degree[a] < _DEGREE and degree[b] < _DEGREE:
            chosen.append((a, b))
            degree[a], degree[b] = degree[a] + 1, degree[b] + 1
    return chosen
