"""Candidates of the learned triangulation: subsets of views, and what priors make of them."""

import torch
from torch import Tensor

from gentri.ransac.anatomy import Anatomy
from gentri.ransac.context import Context
from gentri.ransac.hypotheses import Candidates, hypothesize, view_subsets
from gentri.ransac.irls import cauchy_refit
from gentri.ransac.least_squares import at_range, ray_angle, solve, variance
from gentri.ransac.priors import with_priors
from gentri.ransac.views import Views, reprojection_error

# Of so many views all subsets are candidates; of more, the views that agree best with the pose so
# far, taken one by one.
MAX_VIEWS_IN_ALL_SUBSETS = 4
MAX_NESTED = 10  # subsets of many views: two, three … of them, thinned out, and all
# With few views a single ray is a good part of what there is: its point nearest to the priors'.
MAX_VIEWS_ALONE = 3

# What a candidate comes from, in this order after the subsets and before the single rays.
PRIOR_KINDS = ("robust", "bones", "time", "bones and time", "median in time")
SUBSET, ALONE = 0, len(PRIOR_KINDS) + 1
ORIGINS = ALONE + 1


def propose(
    views: Views, context: Context, anatomy: Anatomy, min_angle: float
) -> tuple[Candidates, Tensor]:
    """Candidates and what they come from, (K,).

    Args:
        views: detections.
        context: its reference is the solution with bones.
        anatomy: of the joint set.
        min_angle: `ray_angle` that a subset needs, radians.
    """
    subsets = _subset_candidates(views, context, min_angle)
    robust = cauchy_refit(views, context.reference)
    both = with_priors(views, context, anatomy, in_time=True)
    by_prior = torch.stack(
        [robust, context.reference, context.expected, both, context.steady], dim=2
    )
    origin = [SUBSET] * subsets.xyz.shape[2] + list(range(1, ALONE))
    xyz = [subsets.xyz, by_prior]
    member = [subsets.member, views.seen[:, :, None].expand(-1, -1, len(PRIOR_KINDS), -1)]
    if (cameras := len(views.center)) <= MAX_VIEWS_ALONE:
        alone = torch.eye(cameras, dtype=torch.bool, device=robust.device)
        xyz.append(_along_rays(views, both))
        member.append(alone & views.seen[:, :, None])
        origin += [ALONE] * cameras
    return _joined(subsets, xyz, member), torch.tensor(origin, device=robust.device)


def _joined(subsets: Candidates, xyz: list[Tensor], member: list[Tensor]) -> Candidates:
    points, members = torch.cat(xyz, dim=2), torch.cat(member, dim=2)
    valid = points.isfinite().all(dim=-1) & members.any(dim=-1)
    count = subsets.xyz.shape[2]
    valid[:, :, :count] &= subsets.valid
    # What priors determine is no less certain than what all views do, the last of the subsets.
    rest = subsets.variance[:, :, -1:].expand(-1, -1, points.shape[2] - count)
    return Candidates(points, members, valid, torch.cat([subsets.variance, rest], dim=2))


def _subset_candidates(views: Views, context: Context, min_angle: float) -> Candidates:
    cameras = len(views.center)
    if cameras <= MAX_VIEWS_IN_ALL_SUBSETS:
        subsets = torch.from_numpy(view_subsets(cameras)).to(views.xy.device)
        return hypothesize(views, subsets, min_angle)
    return _nested(views, context.reference, min_angle)


def _nested(views: Views, xyz: Tensor, min_angle: float) -> Candidates:
    """Points from the two, three … views that agree best with the points (B, J, 3)."""
    error = reprojection_error(views, xyz[:, :, None].float()).squeeze(2)
    doubt = torch.where(views.seen, error / views.confidence.clamp_min(1e-3).float(), torch.inf)
    order = doubt.argsort(dim=-1)
    rank = order.argsort(dim=-1)
    weight = at_range(views, views.confidence.square(), xyz)
    index = order.expand(9, *order.shape)
    moments = (views.moments * weight).gather(-1, index).cumsum(dim=-1)
    cameras = len(views.center)
    sizes = torch.linspace(2, cameras, min(cameras - 1, MAX_NESTED), device=order.device)
    last = sizes.round().long() - 1
    moments = moments[..., last]
    member = (rank[:, :, None] <= last[:, None]) & views.seen[:, :, None]
    points = solve(moments)
    angle = torch.stack([ray_angle(views, m) for m in member.unbind(dim=2)], dim=-1)
    # Fewer views than asked for: the same subset again.
    new = member.sum(dim=-1) == last + 1
    new[..., -1] = True
    valid = (angle >= min_angle) & points.isfinite().all(dim=-1) & new
    points = torch.where(valid[..., None], points, torch.nan)
    return Candidates(points, member, valid, variance(moments))


def _along_rays(views: Views, xyz: Tensor) -> Tensor:
    """The point of each ray (B, J, C, 3) that is nearest to the given one (B, J, 3)."""
    away = xyz[:, :, None] - views.center
    depth = (away * views.ray).sum(dim=-1, keepdim=True).clamp_min(0)
    return views.center + depth * views.ray
