"""From scored candidates to one point per joint: the best, refit on its inliers, or the average."""

from typing import Literal

import torch
from torch import Tensor

from gentri.ransac.hypotheses import Candidates
from gentri.ransac.least_squares import nearest_points
from gentri.ransac.views import Views, reprojection_error

# What becomes of scores: the mean of all by their shares, the best, or one drawn by its share.
Choice = Literal["average", "best", "sampled"]


def best_candidate(candidates: Candidates, score: Tensor) -> Tensor:
    """The highest-scored point of each joint, (B, J, 3); NaN where none is valid."""
    index = score.argmax(dim=-1)[..., None, None].expand(-1, -1, 1, 3)
    return candidates.xyz.gather(2, index).squeeze(2)


def inlier_views(views: Views, xyz: Tensor, inlier_box_share: float) -> Tensor:
    """The views (B, J, C) whose error at points (B, J, 3) is below a share of the person's box."""
    return reprojection_error(views, xyz[:, :, None]).squeeze(2) < inlier_box_share


def refit(views: Views, used: Tensor) -> Tensor:
    """Confidence-weighted points (B, J, 3) from the used views (B, J, C).

    One closed-form solve: iterating it with Cauchy or Geman-McClure weights, over inliers or over
    all views, measured no better on noisy synthetic scenes (3 and 4 cameras, two noise models),
    nor steadier on a real recording.
    """
    weight = torch.where(used, views.confidence.square(), 0.0)
    return nearest_points(views, weight)


def average_candidate(candidates: Candidates, score: Tensor) -> Tensor:
    """Mean (B, J, 3) of the candidates weighted by the softmax of their scores; NaN without any."""
    some = candidates.valid.any(dim=-1, keepdim=True)
    weight = torch.where(candidates.valid, score, -torch.inf).softmax(dim=-1)
    weight = torch.where(candidates.valid, weight, 0.0).to(candidates.xyz)
    xyz = torch.where(candidates.valid[..., None], candidates.xyz, 0.0)
    return torch.where(some, (weight[..., None] * xyz).sum(dim=2), torch.nan)


def chosen_candidate(
    candidates: Candidates, score: Tensor, choice: Choice, generator: torch.Generator
) -> Tensor:
    """One point (B, J, 3) for each joint by logits (B, J, K); NaN where no candidate is valid."""
    if choice == "average":
        return average_candidate(candidates, score)
    if choice == "sampled":
        score = with_gumbel_noise(score, generator)
    best = best_candidate(candidates, torch.where(candidates.valid, score, -torch.inf))
    return torch.where(candidates.valid.any(dim=-1, keepdim=True), best, torch.nan)


def with_gumbel_noise(score: Tensor, generator: torch.Generator) -> Tensor:
    """Logits of which the largest is a draw from the softmax of these."""
    uniform = torch.rand(score.shape, generator=generator).clamp(1e-6, 1 - 1e-6).to(score)
    return score - torch.log(-torch.log(uniform))
