"""A small network that judges hypotheses of relative pose and weights correspondences.

It sees, for each correspondence under a pose, how large the error is, how sure the detector was and
how far away the joint is; not where it is in the image, not which joint, and in no order. Bartol et
al., "Generalizable Human Pose Triangulation" (CVPR 2022), choose cameras among random hypotheses in
this way. Axes as in `two_view_hypotheses`; M correspondences that the network looks at.
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gentri.data import FloatArray
from gentri.ransac.two_view_hypotheses import Poses, depths, sampson_distances
from gentri.weights.store import locate

WEIGHTS = "two-view-scorer"
# Correspondences by which hypotheses are judged. With 256, errors of choices were larger by 13 %:
# what tells good hypotheses apart is small beside the noise of one joint.
LOOKED_AT = 640
_WIDTH, _HEADS = 32, 2
_FEATURES = 7
# Bounds of what the network gives and gets; logarithms either way from 0.
_MOST_LOG_WEIGHT = 4.0
_MOST_LOG_DEPTH, _MOST_CONFIDENCE = 1.5, 2.0


class TwoViewScorer(nn.Module):
    """Scores of hypotheses and weights of correspondences, from one description of the latter."""

    def __init__(self) -> None:
        super().__init__()
        self.describe = _layers(_FEATURES, _WIDTH, _WIDTH)
        self.pool = nn.Linear(3 * _WIDTH, _WIDTH)
        self.compare = nn.MultiheadAttention(_WIDTH, _HEADS, batch_first=True)
        self.judge = _layers(2 * _WIDTH, _WIDTH, 1)
        self.weigh = _layers(2 * _WIDTH, _WIDTH, 1)

    def score(self, features: Tensor) -> Tensor:
        """Scores (B, K), higher is better, of hypotheses by features (B, K, M, F)."""
        each = self.pool(_pooled(self.describe(features)))
        others, _ = self.compare(each, each, each, need_weights=False)
        return self.judge(torch.cat([each, others], dim=-1)).squeeze(-1)

    def log_weight(self, features: Tensor) -> Tensor:
        """Log of factors (B, N) on the weights, by features (B, N, F) under one pose."""
        described = self.describe(features)
        context = self.pool(_pooled(described))[:, None].expand_as(described)
        out = self.weigh(torch.cat([described, context], dim=-1)).squeeze(-1)
        return _MOST_LOG_WEIGHT * torch.tanh(out / _MOST_LOG_WEIGHT)


def describe_pairs(
    poses: Poses, a: Tensor, b: Tensor, confidence: Tensor, threshold: Tensor
) -> Tensor:
    """Features (..., M, 7) float32 of correspondences (..., M, 2) under poses (...,).

    Args:
        poses: hypotheses.
        a: normalised image coordinates.
        b: the same in the other view.
        confidence: (..., M) relative to the usual one of the pair of views.
        threshold: (..., 1) Sampson distance of an inlier.
    """
    r = sampson_distances(poses, a, b) / threshold
    near = 1 / (1 + (2 * r).square())
    c = confidence.clamp_max(_MOST_CONFIDENCE).expand_as(r)
    z_a, z_b = depths(poses, a, b)
    in_front = ((z_a > 0) & (z_b > 0)).to(r.dtype)
    far = [_log_relative(z) for z in (z_a, z_b)]
    return torch.stack([torch.log1p(4 * r), near, c, c * near, in_front, *far], dim=-1).float()


def relative_confidence(weight: FloatArray) -> FloatArray:
    """Confidences (N,) from weights, the median being 1: detectors do not agree on a scale."""
    confidence = np.sqrt(np.maximum(weight, 0.0))
    return confidence / max(float(np.median(confidence)), 1e-12)


def looked_at(weight: FloatArray, seed: int) -> NDArray[np.int64]:
    """`LOOKED_AT` of the correspondences (N,), one from each of as many strata of confidence."""
    rng = np.random.default_rng([seed, len(weight), 1])
    order = np.argsort(weight, kind="stable")
    edges = np.linspace(0, len(weight), min(LOOKED_AT, len(weight)) + 1).astype(np.int64)
    return order[rng.integers(edges[:-1], edges[1:])]


@cache
def load_scorer(path: Path | None = None) -> TwoViewScorer:
    """The trained network, from a file or from the package.

    Raises:
        WeightsError: the file of the package is absent or damaged.
    """
    from safetensors.torch import load_file

    scorer = TwoViewScorer()
    scorer.load_state_dict(load_file(locate(WEIGHTS) if path is None else path))
    return scorer.eval()


def _log_relative(depth: Tensor) -> Tensor:
    size = depth.abs().clamp_min(1e-9)
    usual = size.median(dim=-1, keepdim=True).values
    return (size / usual).log().clamp(-_MOST_LOG_DEPTH, _MOST_LOG_DEPTH)


def _pooled(described: Tensor) -> Tensor:
    """Mean, spread and maximum (..., 3 W) of (..., M, W), whatever the order of M."""
    mean, spread = described.mean(-2), (described.var(-2, correction=0) + 1e-6).sqrt()
    return torch.cat([mean, spread, described.amax(-2)], dim=-1)


def _layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    first, second = nn.Linear(inputs, width), nn.Linear(width, width)
    return nn.Sequential(first, nn.SiLU(), second, nn.SiLU(), nn.Linear(width, outputs))
