"""The learned way to the relative pose of two views, as a `TwoViewSolver`.

poses = relative_pose_of_frames(a, b, threshold, mirror, solver=learned_solver())
"""

import numpy as np
import torch
from torch import Tensor

from gentri.data import FloatArray
from gentri.geometry.epipolar import RelativePose, TwoViewSolver, pose_with_inliers, sampson, skew
from gentri.geometry.two_view_refinement import refine_pose
from gentri.ransac.two_view_hypotheses import LEAST, Poses, hypothesize
from gentri.ransac.two_view_scorer import (
    TwoViewScorer,
    describe_pairs,
    load_scorer,
    looked_at,
    relative_confidence,
)

MISTAKE = 5.0  # farther off than so many thresholds: no part in the refinement


def learned_solver(
    scorer: TwoViewScorer | None = None, *, refine: bool = True, weigh: bool = False
) -> TwoViewSolver:
    """Chooses among random hypotheses by score, then refines.

    Args:
        scorer: None for the one that comes with gentri.
        refine: the chosen hypothesis, on all correspondences; else it is the result.
        weigh: correspondences by the network as well in the refinement. It is not the default: on
            people that it had not seen, rotations were no better with it, or worse by 4 %
            (`benchmarks/learned_two_views.py`).
    """

    def solve(
        a: FloatArray,
        b: FloatArray,
        threshold: float,
        seed: int = 0,
        weight: FloatArray | None = None,
    ) -> RelativePose | None:
        if len(a) < LEAST:
            return None
        network = load_scorer() if scorer is None else scorer
        weight = np.ones(len(a)) if weight is None else weight
        poses = hypothesize(a, b, weight, threshold, seed)
        best = int(hypothesis_scores(network, poses, a, b, weight, threshold, seed).argmax())
        R, t = (x.numpy() for x in (poses.R[best], poses.t[best]))
        if refine:
            R, t = _refined(R, t, a, b, weight, threshold)
        if refine and weigh:
            factor = weight_factors(network, R, t, a, b, weight, threshold)
            R, t = _refined(R, t, a, b, weight * factor, threshold)
        return pose_with_inliers(R, t, a, b, threshold)

    return solve


def hypothesis_scores(
    network: TwoViewScorer,
    poses: Poses,
    a: FloatArray,
    b: FloatArray,
    weight: FloatArray,
    threshold: float,
    seed: int,
) -> FloatArray:
    """Scores (K,) of hypotheses, higher is better, by `LOOKED_AT` of the correspondences (N, 2)."""
    pick = looked_at(weight, seed)
    confidence = relative_confidence(weight)[pick]
    with torch.no_grad():
        features = _features(poses, a[pick], b[pick], confidence, threshold)
        return network.score(features[None])[0].double().numpy()


def weight_factors(
    network: TwoViewScorer,
    R: FloatArray,
    t: FloatArray,
    a: FloatArray,
    b: FloatArray,
    weight: FloatArray,
    threshold: float,
) -> FloatArray:
    """Factors (N,) on the weights of correspondences, by how they look under a pose."""
    pose = Poses(torch.from_numpy(R), torch.from_numpy(t))
    with torch.no_grad():
        features = _features(pose, a, b, relative_confidence(weight), threshold)
        return network.log_weight(features[None])[0].exp().double().numpy()


def _refined(
    R: FloatArray, t: FloatArray, a: FloatArray, b: FloatArray, weight: FloatArray, threshold: float
) -> tuple[FloatArray, FloatArray]:
    near = sampson(skew(t) @ R, a, b) < (MISTAKE * threshold) ** 2
    return refine_pose(R, t, a[near], b[near], weight[near], threshold)


def _features(
    poses: Poses, a: FloatArray, b: FloatArray, confidence: FloatArray, threshold: float
) -> Tensor:
    pairs_a, pairs_b, sure = (torch.from_numpy(np.ascontiguousarray(x)) for x in (a, b, confidence))
    return describe_pairs(poses, pairs_a, pairs_b, sure, torch.tensor([threshold]))
