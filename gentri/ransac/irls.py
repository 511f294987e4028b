"""Ray least squares with Cauchy weights: the best that the views of one moment allow by rule."""

import torch
from torch import Tensor

from gentri.ransac.least_squares import at_range, nearest_points, solve
from gentri.ransac.views import Views, reprojection_error

# Scale of the Cauchy weights, share of the person's box, and steps: the best of 0.01 to 0.05 and of
# 1 to 5 on sketched errors, four views (21.7 mm; the worst, 0.01 and 5, 23.1 mm).
CAUCHY_SCALE, STEPS = 0.03, 3


def cauchy_weights(views: Views, xyz: Tensor) -> Tensor:
    """Weights (B, J, C) of the views at points (B, J, 3): squared confidence, less for misfits."""
    error = reprojection_error(views, xyz[:, :, None]).squeeze(2)
    return views.confidence.square() / (1 + (error / CAUCHY_SCALE).square())


def cauchy_refit(views: Views, xyz: Tensor) -> Tensor:
    """Points (B, J, 3) of least Cauchy loss near the given ones; these where nothing is found.

    Holland and Welsch, "Robust regression using iteratively reweighted least-squares", 1977.
    """
    for _ in range(STEPS):
        weight = at_range(views, cauchy_weights(views, xyz), xyz)
        moved = solve((views.moments * weight).sum(dim=-1))
        xyz = torch.where(moved.isfinite().all(dim=-1, keepdim=True), moved, xyz)
    return xyz


def started(views: Views, xyz: Tensor) -> Tensor:
    """The points (B, J, 3); where there is none, what all views that see the joint make of it."""
    everything = nearest_points(views, views.confidence.square())
    enough = (views.seen.sum(dim=-1) >= 2)[..., None] & everything.isfinite()
    fallback = torch.where(enough, everything, torch.nan)
    return torch.where(xyz.isfinite().all(dim=-1, keepdim=True), xyz, fallback)
