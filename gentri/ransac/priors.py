"""Points that views, bones of usual length and neighbours in time make together.

The most probable pose under independent Gaussian errors, by a few sweeps over the joints: each is
the closed-form solution of its own rays and priors with its neighbours held (iterated conditional
modes: Besag, "On the Statistical Analysis of Dirty Pictures", 1986, section 2.5). Two views alone
determine a point badly along their rays; this is where the priors tell.
"""

import torch
from torch import Tensor

from gentri.ransac.anatomy import Anatomy
from gentri.ransac.context import Context, middle_of
from gentri.ransac.irls import cauchy_weights
from gentri.ransac.least_squares import at_range, solve
from gentri.ransac.views import Views

# Standard deviations, shares of the person's box (1.7 m of an adult): of a visible joint, of a bone
# about its usual length, of a joint about what time expects. With 0.01 to 0.02 for bones and 0.018
# to 0.035 for time, errors at four views changed by 3 % either way.
DETECTION, BONE, TIME = 0.013, 0.015, 0.025
BODY = 0.35  # of a joint about the middle of the body
# Scale of the Cauchy loss of what time expects, standard deviations. With a Gaussian the mean error
# is the same, but a kick is pulled back by 10 cm.
CAUCHY = 2.0
SWEEPS = 3


def with_priors(views: Views, context: Context, anatomy: Anatomy, *, in_time: bool) -> Tensor:
    """Points (B, J, 3); NaN where a skeleton has no reference at all.

    Args:
        views: detections; confidences relative to 1.
        context: reference to start from, lengths, where the joint is expected.
        anatomy: bones.
        in_time: use what is expected by time as well.
    """
    xyz = _start(context)
    unit = context.unit[:, None]
    middle = middle_of(xyz)[:, None]
    body = _toward(middle.expand_as(xyz), unit * BODY)
    for _ in range(SWEEPS):
        weight = at_range(views, cauchy_weights(views, xyz), xyz) / DETECTION**2
        rays = (views.moments * weight).sum(dim=-1)
        moments = rays + _bones(xyz, context, anatomy) + body
        if in_time:
            moments = moments + _toward(context.expected, _trusted(xyz, context, unit * TIME))
        moved = solve(moments)
        xyz = torch.where(moved.isfinite().all(dim=-1, keepdim=True), moved, xyz)
    return xyz


def _start(context: Context) -> Tensor:
    """The reference; where there is none what time expects, else the middle of the body."""
    xyz = context.reference
    middle = middle_of(xyz)[:, None]
    for other in (context.expected, middle):
        xyz = torch.where(xyz.isfinite(), xyz, other)
    return xyz


def _toward(target: Tensor, sigma: Tensor) -> Tensor:
    """Moments (9, B, J) of a Gaussian about target points (B, J, 3); 0 where these are NaN."""
    weight = torch.where(target.isfinite().all(dim=-1), sigma**-2, 0.0)
    none = torch.zeros_like(weight)
    upper = (weight, none, none, weight, none, weight)
    return torch.stack([*upper, *(weight * x for x in target.nan_to_num().unbind(dim=-1))])


def _trusted(xyz: Tensor, context: Context, sigma: Tensor) -> Tensor:
    """Spread (B, J) about where time expects points (B, J, 3), with Cauchy weights."""
    away = (xyz - context.expected).norm(dim=-1).nan_to_num()
    return sigma * (1 + (away / (CAUCHY * sigma)).square()).sqrt()


def _bones(xyz: Tensor, context: Context, anatomy: Anatomy) -> Tensor:
    """Moments (9, B, J) of the usual lengths, along each bone, with the other end held."""
    other = xyz[:, anatomy.neighbour]
    along = xyz[:, :, None] - other
    direction = along / along.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    place = (direction * other).sum(dim=-1) + context.length[:, anatomy.bone]
    known = anatomy.present & place.isfinite()
    # The other end moves as well: what is wrong with a bone is half of each end's.
    weight = torch.where(known, (BONE * context.unit[:, None, None]) ** -2 / 2, 0.0)
    x, y, z = direction.nan_to_num().unbind(dim=-1)
    pull = weight * place.nan_to_num()
    upper = (weight * x * x, weight * x * y, weight * x * z, weight * y * y, weight * y * z)
    terms = (*upper, weight * z * z, pull * x, pull * y, pull * z)
    return torch.stack([term.sum(dim=-1) for term in terms])
