"""Left and right that a detector exchanged in one view, found by what the other views agree on."""

from dataclasses import replace

import torch
from torch import Tensor

from gentri.ransac.anatomy import Anatomy
from gentri.ransac.views import Views, reprojection_error

# A joint that is farther off, as a share of the person's box, is as wrong as can be.
FAR = 0.06
# Exchanging must explain so many joints of a limb that are far off as they are. On scenes with
# 3.5 % of the limbs exchanged, 1 to 3 left errors of 17.8 to 18.7 mm (four views, solution with
# bones); of limbs that were not exchanged, with 8 px of noise, none was put back.
GAIN = 1.5


def exchanged_limbs(views: Views, xyz: Tensor, anatomy: Anatomy) -> Tensor:
    """Limbs whose sides are exchanged, (B, C, G) bool.

    Args:
        views: detections.
        xyz: (B, J, 3) a robust solution: one view that is exchanged does not move it.
        anatomy: of the joint set.
    """
    plain = _misfit(views, xyz)
    crossed = _misfit(_crossed(views, anatomy.mirror), xyz)
    gain = (plain - crossed).nan_to_num()
    return torch.einsum("bjc,gj->bcg", gain, anatomy.limb.to(gain)) > GAIN


def with_limbs_exchanged(views: Views, exchanged: Tensor, anatomy: Anatomy) -> Views:
    """The views with the sides of limbs (B, C, G) exchanged back."""
    if not exchanged.any():
        return views
    wrong = torch.einsum("bcg,gj->bjc", exchanged.to(views.xy), anatomy.limb.to(views.xy)) > 0
    other = _crossed(views, anatomy.mirror)
    return replace(
        views,
        xy=torch.where(wrong[..., None], other.xy, views.xy),
        ray=torch.where(wrong[..., None], other.ray, views.ray),
        confidence=torch.where(wrong, other.confidence, views.confidence),
    )


def _crossed(views: Views, mirror: Tensor) -> Views:
    """Every joint with the detection of its counterpart."""
    xy, ray, confidence = views.xy[:, mirror], views.ray[:, mirror], views.confidence[:, mirror]
    return replace(views, xy=xy, ray=ray, confidence=confidence)


def _misfit(views: Views, xyz: Tensor) -> Tensor:
    """Truncated error (B, J, C), 0 to 1; 0 where the joint is not seen."""
    error = reprojection_error(views, xyz[:, :, None]).squeeze(2) / FAR
    return torch.where(views.seen & xyz.isfinite().all(-1)[..., None], error.clamp_max(1.0), 0.0)
