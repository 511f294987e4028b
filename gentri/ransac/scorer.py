"""How good a candidate is. Any `Scorer` can be put between hypotheses and selection."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from gentri.ransac.hypotheses import Candidates
from gentri.ransac.views import Views, reprojection_error


class Scorer(Protocol):
    """Judges candidates."""

    def __call__(self, views: Views, candidates: Candidates) -> Tensor:
        """Scores (B, J, K), higher is better; −inf for invalid candidates."""
        ...


@dataclass(frozen=True)
class MsacScorer:
    """Confidence-weighted MSAC: a view pays its squared error, at most that of an outlier.

    Torr and Zisserman, MLESAC (CVIU 2000), section 3.

    Attributes:
        inlier_box_share: reprojection error at which a view is an outlier, as a share of the
            diagonal of the person's box.
    """

    inlier_box_share: float

    def __call__(self, views: Views, candidates: Candidates) -> Tensor:
        """Minus the mean truncated cost over the views that see the joint, −1 to 0."""
        # In float32: a millionth of the threshold.
        error = reprojection_error(views, candidates.xyz.float())
        score = -mean_truncated_cost(views, error, self.inlier_box_share)
        return torch.where(candidates.valid, score, -torch.inf)


def mean_truncated_cost(views: Views, error: Tensor, inlier_box_share: float) -> Tensor:
    """Confidence-weighted mean of min(1, (error / threshold)²) over views.

    Args:
        views: detections.
        error: (B, J, K, C) from `reprojection_error`.
        inlier_box_share: threshold.

    Returns:
        (B, J, K), 0 to 1; 1 where no view sees the joint.
    """
    weight = views.confidence[:, :, None].to(error)
    cost = (error / inlier_box_share).square().clamp_max(1.0)
    total = weight.sum(dim=-1)
    return torch.where(total > 0, (weight * cost).sum(dim=-1) / total, 1.0)
