"""Ray least squares, reweighted; by Cauchy it is the best that one moment allows by rule."""

from collections.abc import Callable

import torch
from torch import Tensor

from gentri.ransac.least_squares import at_range, nearest_points, solve
from gentri.ransac.views import Views, reprojection_error

# Scale of the Cauchy weights, share of the person's box, and steps: the best of 0.01 to 0.05 and of
# 1 to 5 on sketched errors, four views (21.7 mm; the worst, 0.01 and 5, 23.1 mm).
CAUCHY_SCALE, STEPS = 0.03, 3
# The same for Huber's weights, which start from all views and have farther to go (of 0.005 to 0.03:
# 25.8 to 26.9 mm; twice the steps, 0.1 mm less).
HUBER_SCALE, HUBER_STEPS = 0.01, 10


def cauchy_weights(views: Views, xyz: Tensor) -> Tensor:
    """Weights (B, J, C) of the views at points (B, J, 3): squared confidence, less for misfits."""
    error = reprojection_error(views, xyz[:, :, None]).squeeze(2)
    return views.confidence.square() / (1 + (error / CAUCHY_SCALE).square())


def huber_weights(views: Views, xyz: Tensor) -> Tensor:
    """Weights (B, J, C) of the views at points (B, J, 3): no misfit counts in full, none nothing.

    Huber, "Robust Estimation of a Location Parameter", 1964.
    """
    error = reprojection_error(views, xyz[:, :, None]).squeeze(2)
    return views.confidence.square() * (HUBER_SCALE / error.clamp_min(HUBER_SCALE))


def cauchy_refit(views: Views, xyz: Tensor) -> Tensor:
    """Points (B, J, 3) of least Cauchy loss near the given ones; these where nothing is found."""
    return _reweighted(views, xyz, cauchy_weights, STEPS)


def huber_refit(views: Views, xyz: Tensor) -> Tensor:
    """Points (B, J, 3) of least Huber loss; the given ones where nothing is found."""
    return _reweighted(views, xyz, huber_weights, HUBER_STEPS)


def _reweighted(
    views: Views, xyz: Tensor, weights: Callable[[Views, Tensor], Tensor], steps: int
) -> Tensor:
    """Holland and Welsch, "Robust regression using iteratively reweighted least-squares", 1977."""
    for _ in range(steps):
        weight = at_range(views, weights(views, xyz), xyz)
        moved = solve((views.moments * weight).sum(dim=-1))
        xyz = torch.where(moved.isfinite().all(dim=-1, keepdim=True), moved, xyz)
    return xyz


def started(views: Views, xyz: Tensor) -> Tensor:
    """The points (B, J, 3); where there is none, what all views that see the joint make of it."""
    everything = nearest_points(views, views.confidence.square())
    enough = (views.seen.sum(dim=-1) >= 2)[..., None] & everything.isfinite()
    fallback = torch.where(enough, everything, torch.nan)
    return torch.where(xyz.isfinite().all(dim=-1, keepdim=True), xyz, fallback)
