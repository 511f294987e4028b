"""Candidate points of a joint: what each of many subsets of the views makes of it."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gentri.ransac.least_squares import subset_angle, subset_points
from gentri.ransac.views import Views

# All subsets of up to six views fit (57); enough draws beyond: with 30 % outliers a clean pair is
# missing from 48 with probability 1e-14.
MAX_SUBSETS = 64
MAX_PAIRED = 32
PAIR_SHARE = 0.75  # of the sample of subsets: pairs are the likeliest to be clean


@dataclass(frozen=True, eq=False)
class Candidates:
    """Points to choose from.

    Attributes:
        xyz: (B, J, K, 3) world.
        member: (B, J, K, C) bool, the views that made each of them.
        valid: (B, J, K) bool: at least two views at a sufficient angle determine it.
        variance: (B, J, K) of a candidate, for errors of one share of the person's box and scores
            of 1; in squared units of the world.
    """

    xyz: Tensor
    member: Tensor
    valid: Tensor
    variance: Tensor


def view_subsets(count: int) -> NDArray[np.bool_]:
    """Subsets of at least two of `count` views, (K, count), K at most `MAX_SUBSETS`.

    All of them when they are few enough; else a fixed random sample in which every view is in about
    as many pairs as every other, some larger subsets, and the full set.
    """
    if 2**count - count - 1 <= MAX_SUBSETS:
        chosen = [s for size in range(2, count + 1) for s in combinations(range(count), size)]
    else:
        rng = np.random.default_rng(count)
        pairs = _balanced_pairs(count, rng)[: int(MAX_SUBSETS * PAIR_SHARE)]
        sizes = rng.integers(3, count, MAX_SUBSETS - len(pairs) - 1)
        larger = [tuple(rng.choice(count, size, replace=False)) for size in sizes]
        chosen = [*pairs, *larger, tuple(range(count))]
    subsets = np.zeros((len(chosen), count), dtype=np.bool_)
    for row, views in zip(subsets, chosen, strict=True):
        row[list(views)] = True
    return subsets


def view_pairs(count: int) -> NDArray[np.bool_]:
    """Pairs of `count` views and the full set, (K, count); all subsets when these are few.

    A start for robust refinement needs no more: with 6, 8 and 12 views the errors from pairs and
    from all of `view_subsets` were the same within 0.2 %, at up to three times the cost.
    """
    subsets = view_subsets(count)
    size = subsets.sum(axis=1)
    few = 2**count - count - 1 <= MAX_PAIRED
    return subsets if few else subsets[(size == 2) | (size == count)]


def _balanced_pairs(count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """All pairs, round by round of a round-robin tournament: each round has every view once."""
    players = list(rng.permutation(count + count % 2))
    rounds = []
    for _ in range(len(players) - 1):
        opponents = zip(players[: len(players) // 2], reversed(players), strict=False)
        rounds.append([(a, b) for a, b in opponents if a < count and b < count])
        players.insert(1, players.pop())
    return [pair for index in rng.permutation(len(rounds)) for pair in rounds[index]]


def hypothesize(views: Views, subsets: Tensor, min_angle: float) -> Candidates:
    """Triangulate each joint from each subset, as far as its views see the joint.

    Args:
        views: detections.
        subsets: (K, C) bool.
        min_angle: `ray_angle` that a subset needs, radians.
    """
    member = subsets & views.seen[:, :, None]
    xyz, variance = subset_points(views, views.confidence.square(), subsets)
    valid = (subset_angle(views, subsets) >= min_angle) & xyz.isfinite().all(dim=-1)
    return Candidates(torch.where(valid[..., None], xyz, torch.nan), member, valid, variance)
