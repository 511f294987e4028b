"""The ways to triangulate: each turns views into points and says which views it used."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gentri.ransac.hypotheses import hypothesize, view_subsets
from gentri.ransac.least_squares import homogeneous_dlt
from gentri.ransac.scorer import MsacScorer, Scorer
from gentri.ransac.selection import best_candidate, inlier_views, refit
from gentri.ransac.views import Views

Method = Literal["dlt", "weighted", "ransac"]

# Views → points (B, J, 3) and the views (B, J, C) bool that made them.
Estimator = Callable[[Views], tuple[Tensor, Tensor]]


def dlt(views: Views) -> tuple[Tensor, Tensor]:
    """Homogeneous DLT from all views, unweighted."""
    return homogeneous_dlt(views), views.seen


def weighted(views: Views) -> tuple[Tensor, Tensor]:
    """Ray least squares from all views, weighted by squared confidence."""
    return refit(views, views.seen), views.seen


@dataclass(frozen=True, eq=False)
class Ransac:
    """Hypotheses from view subsets, scored, the best one refit on the views that agree with it.

    Attributes:
        subsets: (K, C) bool, from `view_subsets`.
        scorer: judges the hypotheses.
        inlier_box_share: reprojection error below which a view agrees, as a share of the diagonal
            of the person's box.
        min_angle: least angle between the rays of a hypothesis, radians.
    """

    subsets: NDArray[np.bool_]
    scorer: Scorer
    inlier_box_share: float
    min_angle: float

    def __call__(self, views: Views) -> tuple[Tensor, Tensor]:
        """Points and the views that agree with them; fewer than two where nothing agrees."""
        subsets = torch.from_numpy(self.subsets).to(views.xy.device)
        candidates = hypothesize(views, subsets, self.min_angle)
        best = best_candidate(candidates, self.scorer(views, candidates))
        used = inlier_views(views, best, self.inlier_box_share)
        return refit(views, used), used


def estimator(
    method: Method, cameras: int, inlier_box_share: float, min_angle_deg: float
) -> Estimator:
    """The estimator of this name for a rig with so many cameras."""
    if method == "dlt":
        return dlt
    if method == "weighted":
        return weighted
    scorer = MsacScorer(inlier_box_share)
    min_angle = math.radians(min_angle_deg)
    return Ransac(view_subsets(cameras), scorer, inlier_box_share, min_angle)
