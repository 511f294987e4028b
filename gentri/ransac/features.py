"""What the network is told of a candidate: nothing that a similarity of the world would change.

Lengths are shares of the person's box, errors in the image shares of the box in that view; no
position, no direction, no name of a camera.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gentri.ransac.anatomy import Anatomy
from gentri.ransac.context import Context
from gentri.ransac.hypotheses import Candidates
from gentri.ransac.proposals import ORIGINS, PRIOR_KINDS
from gentri.ransac.views import Views, reprojection_error

# An error of the image and a length that count, shares of the box: features are the logarithms of
# 1 + x / these.
IMAGE, LENGTH = 0.01, 0.012
NEAR = (0.015, 0.03, 0.06)  # errors of the image at which a view agrees by half
MOST = 1.0  # errors of the image and lengths beyond this are alike
TRUNK_RADIUS = 0.065  # 11 cm of a body of 1.7 m
RATIO_SCALE = 5.0  # of the logarithms of lengths of bones: 20 % too long is 1

# Groups of features, in order, as an ablation leaves them out.
GROUPS = {
    "residuals": 11,
    "confidences": 4,
    "geometry": 4,
    "agreement": 3,
    "bones": 4,
    "time": 5,
    "take": 1,
    "hidden": 1,
    "origin": ORIGINS,
}
FEATURES = sum(GROUPS.values())


@dataclass(frozen=True, eq=False)
class _Look:
    """What several features are made of; B skeletons, J joints, K candidates, C views."""

    error: Tensor  # (B, J, K, C), 0 where not seen
    member: Tensor  # (B, J, K, C), 0 or 1
    seen: Tensor  # (B, J, C), 0 or 1
    confidence: Tensor  # (B, J, C), 0 where not seen

    @property
    def made_of(self) -> Tensor:
        """Number (B, J, K) of views that made a candidate."""
        return self.member.sum(dim=-1).clamp_min(1)

    @property
    def offered(self) -> Tensor:
        """Number (B, J, 1) of views that see the joint."""
        return self.seen.sum(dim=-1, keepdim=True).clamp_min(1)


def describe(
    views: Views,
    candidates: Candidates,
    origin: Tensor,
    context: Context,
    misfit: Tensor,
    anatomy: Anatomy,
) -> Tensor:
    """Features (B, J, K, F) float32 of candidates; 0 for those that are not valid.

    Args:
        views: detections, confidences relative to a usual one of 0.85.
        candidates: from `propose`.
        origin: (K,) what they come from.
        context: of these skeletons.
        misfit: (B, J, C) usual error of this joint in this view, share of the box.
        anatomy: of the joint set.
    """
    # About the person and in float32: a ten-thousandth of a millimetre.
    middle = context.reference.nanmean(dim=1, keepdim=True).nan_to_num()
    xyz = (candidates.xyz - middle[:, :, None]).float()
    xyz = torch.where(candidates.valid[..., None], xyz, 0.0)
    look = _look(views, candidates)
    confidences, of_the_take = _by_view(look, misfit, behind_trunk(views, context, anatomy))
    columns = [
        *_residuals(look),
        *confidences,
        *_precision(candidates, look, context),
        *_agreement(xyz, origin, context),
        *_bones(xyz, context, anatomy, middle),
        *_moments(xyz, context, middle),
        *of_the_take,
    ]
    shape = xyz.shape[:3]
    kinds = torch.nn.functional.one_hot(origin, ORIGINS).float().expand(*shape, ORIGINS)
    features = torch.stack([c.float().expand(shape) for c in columns], dim=-1)
    features = torch.cat([features, kinds], dim=-1)
    return torch.where(candidates.valid[..., None], features, 0.0).nan_to_num()


def _look(views: Views, candidates: Candidates) -> _Look:
    error = reprojection_error(views, candidates.xyz.float())
    error = error.nan_to_num(nan=MOST, posinf=MOST).clamp_max(MOST)
    seen = views.seen.float()
    member = candidates.member.float()
    return _Look(error * seen[:, :, None], member, seen, views.confidence.float())


def _log(x: Tensor, unit: float) -> Tensor:
    return torch.log1p(x / unit)


def _residuals(look: _Look) -> list[Tensor]:
    e, member = look.error, look.member
    inside = e * member
    near = [1 / (1 + (e / scale).square()) for scale in NEAR]
    weight = torch.stack([look.seen, look.confidence], dim=-1)
    weight = weight / weight.sum(dim=2, keepdim=True).clamp_min(1e-6)
    shares = [(x @ weight).unbind(dim=-1) for x in near]
    return [
        _log(inside.sum(-1) / look.made_of, IMAGE),
        _log(inside.amax(-1), IMAGE),
        _log((inside + (1 - member)).amin(-1), IMAGE),
        _log(e.amax(-1), IMAGE),
        _log(e.sum(-1) / look.offered, IMAGE),
        *(plain for plain, _ in shares),
        *(by_confidence for _, by_confidence in shares),
    ]


def _by_view(look: _Look, misfit: Tensor, hidden: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Confidences; then usual misfits and sight of the views that made a candidate."""
    c, member = look.confidence[:, :, None], look.member
    usual = _log(misfit.float(), IMAGE)
    sums = member @ torch.stack([look.confidence, usual, hidden.float()], dim=-1)
    confidence, misfits, out_of_sight = (sums / look.made_of[..., None]).unbind(dim=-1)
    lowest = (c * member + (1 - member)).amin(-1)
    highest_left_out = (c * (1 - member)).amax(-1)
    everybody = look.confidence.sum(-1, keepdim=True) / look.offered
    return [confidence, lowest, highest_left_out, everybody], [misfits, out_of_sight]


def _precision(candidates: Candidates, look: _Look, context: Context) -> list[Tensor]:
    """How well the rays of a candidate determine it, and how many they are."""
    relative = candidates.variance / context.unit[:, None, None].square()
    spread = relative.float().nan_to_num(1e4, 1e4).clamp(1e-2, 1e4).log()
    made_of, offered = look.made_of, look.offered
    return [spread, made_of / offered, offered.log(), made_of.log()]


def _apart(xyz: Tensor, other: Tensor, context: Context) -> Tensor:
    """Log distance (B, J, K) of candidates from (B, J, 3); 0 where that is NaN."""
    unit = context.unit[:, None, None].float()
    distance = (xyz - other[:, :, None]).square().sum(dim=-1).sqrt() / unit
    return _log(distance.clamp_max(MOST), LENGTH).nan_to_num()


def _agreement(xyz: Tensor, origin: Tensor, context: Context) -> list[Tensor]:
    """Distances from the solutions that are candidates as well."""
    subsets = int((origin == 0).sum())
    others = [PRIOR_KINDS.index(kind) for kind in ("robust", "bones", "bones and time")]
    return [_apart(xyz, xyz[:, :, subsets + i], context) for i in others]


def _bones(xyz: Tensor, context: Context, anatomy: Anatomy, middle: Tensor) -> list[Tensor]:
    """Log ratios of the bones that meet here to their usual lengths; other ends: the reference."""
    reference = (context.reference - middle).float()
    ratios = []
    for n in range(anatomy.neighbour.shape[1]):
        other = reference[:, anatomy.neighbour[:, n]]
        length = (xyz - other[:, :, None]).square().sum(dim=-1).sqrt()
        usual = context.length[:, anatomy.bone[:, n]].float()[:, :, None]
        ratio = RATIO_SCALE * (length / usual).clamp(0.2, 5).log()
        ratios.append(torch.where(anatomy.present[:, n, None], ratio, torch.nan))
    ratio = torch.stack(ratios)
    count = ratio.isfinite().sum(dim=0)
    ratio = torch.where(ratio.isfinite(), ratio, 0.0)
    some = count.clamp_min(1)
    plain, signed = ratio.abs().sum(dim=0), ratio.sum(dim=0)
    return [plain / some, ratio.abs().amax(dim=0), signed / some, (count > 0).float()]


def _moments(xyz: Tensor, context: Context, middle: Tensor) -> list[Tensor]:
    """Distances from where time expects the joint; how fast and how restless it is."""
    unit = context.unit[:, None]
    way = _log((context.way / unit).clamp_max(MOST), LENGTH).nan_to_num()
    restless = (context.steady - context.reference).norm(dim=-1) / unit
    known = context.expected.isfinite().all(dim=-1)
    return [
        _apart(xyz, (context.expected - middle).float(), context),
        _apart(xyz, (context.steady - middle).float(), context),
        way[..., None],
        _log(restless.clamp_max(MOST), LENGTH).nan_to_num()[..., None],
        known[..., None],
    ]


def behind_trunk(views: Views, context: Context, anatomy: Anatomy) -> Tensor:
    """Joints (B, J, C) that the person's own trunk hides, by the reference.

    The trunk is a capsule about the line from mid-hips to mid-shoulders; the line of sight is
    closest to its axis where two lines are (Ericson, Real-Time Collision Detection, 2005, §5.1.9).
    """
    xyz = context.reference
    if not len(anatomy.trunk):
        return torch.zeros_like(views.confidence, dtype=torch.bool)
    top, bottom = xyz[:, anatomy.trunk[:2]].mean(1), xyz[:, anatomy.trunk[2:]].mean(1)
    axis = (top - bottom)[:, None, None]
    sight = xyz[:, :, None] - views.center
    between = views.center - bottom[:, None, None]
    a, b, c = (sight * sight).sum(-1), (sight * axis).sum(-1), (axis * axis).sum(-1)
    d, e = (sight * between).sum(-1), (axis * between).sum(-1)
    s = ((b * e - c * d) / (a * c - b * b).clamp_min(1e-9)).clamp(0, 1)
    u = ((b * s + e) / c).clamp(0, 1)
    s = ((b * u - d) / a).clamp(0, 1)
    gap = between + s[..., None] * sight - u[..., None] * axis
    radius = TRUNK_RADIUS * context.unit[:, None, None]
    return (gap.norm(dim=-1) < radius) & ((1 - s) * a.sqrt() > radius)
