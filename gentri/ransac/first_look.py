"""What the learned triangulation needs before it chooses: sides put right, bones, a pose to go by.

Two walks over the recording: the robust solution, with limbs that were exchanged put back; then the
solution with bones, whose usual lengths the first one tells.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gentri.ransac.anatomy import Anatomy
from gentri.ransac.context import Context, Story, every, middle_of
from gentri.ransac.hypotheses import hypothesize, view_pairs
from gentri.ransac.irls import cauchy_refit, started
from gentri.ransac.priors import with_priors
from gentri.ransac.recording import Recording
from gentri.ransac.scorer import MsacScorer
from gentri.ransac.selection import best_candidate
from gentri.ransac.sides import exchanged_limbs, with_limbs_exchanged
from gentri.ransac.views import Views, reprojection_error

INLIER_BOX_SHARE = 0.05  # of the truncated cost, share of the person's box
USUAL_CONFIDENCE = 0.85  # what the usual score of a detector is made to be; the network's unit


@dataclass(frozen=True, eq=False)
class FirstLook:
    """Of all B skeletons of a recording.

    Attributes:
        exchanged: (B, C, G) limbs whose sides a view exchanged.
        story: with the solution with bones as its reference.
        misfit: (P, J, C) usual error of this joint of this person in this view, share of the box.
        usual_confidence: of the detector in this recording.
        anatomy: of the joint set.
    """

    exchanged: Tensor
    story: Story
    misfit: Tensor
    usual_confidence: float
    anatomy: Anatomy

    def misfit_of(self, where: slice) -> Tensor:
        """`misfit` of consecutive skeletons, (B, J, C)."""
        return every(self.misfit, (where.stop - where.start) // len(self.misfit))

    def put_right(self, where: slice, views: Views) -> Views:
        """Views of some skeletons, sides put right."""
        return with_limbs_exchanged(views, self.exchanged[where], self.anatomy)

    def weighed(self, views: Views) -> Views:
        """Views with confidences relative to the usual one."""
        return with_usual_confidence(views, self.usual_confidence)


def first_look(recording: Recording, anatomy: Anatomy, min_angle: float) -> FirstLook:
    """Go through a recording.

    Args:
        recording: of P people.
        anatomy: of its joint set.
        min_angle: `ray_angle` that a pair of views needs, radians.
    """
    pairs = torch.from_numpy(view_pairs(len(recording.rig.cameras))).to(recording.device)
    found = [
        _sides_put_right(
            with_usual_confidence(views, recording.usual_confidence), pairs, min_angle, anatomy
        )
        for _, views in recording.chunks()
    ]
    xyz, box, exchanged = (torch.cat(parts) for parts in zip(*found, strict=True))
    look = FirstLook(
        exchanged=exchanged,
        story=_story(recording, xyz, box, anatomy),
        misfit=xyz.new_ones(recording.people, xyz.shape[1], len(recording.rig.cameras)),
        usual_confidence=recording.usual_confidence,
        anatomy=anatomy,
    )
    found = [
        _with_bones(look.weighed(look.put_right(where, views)), look.story[where], anatomy)
        for where, views in recording.chunks()
    ]
    xyz, box, error = (torch.cat(parts) for parts in zip(*found, strict=True))
    usual = (
        error.unflatten(0, (recording.ticks, recording.people))
        .nanmedian(dim=0)
        .values.nan_to_num(1.0)
    )
    return replace(look, story=_story(recording, xyz, box, anatomy), misfit=usual)


def with_usual_confidence(views: Views, usual: float) -> Views:
    """Confidences relative to the usual one of a recording: detectors do not agree on a scale."""
    return replace(views, confidence=views.confidence * (USUAL_CONFIDENCE / usual))


def robust_pose(views: Views, subsets: Tensor, min_angle: float) -> Tensor:
    """The best MSAC candidate, refined by Cauchy weights, (B, J, 3); NaN for a single view."""
    candidates = hypothesize(views, subsets, min_angle)
    score = MsacScorer(INLIER_BOX_SHARE)(views, candidates)
    return cauchy_refit(views, started(views, best_candidate(candidates, score)))


def _sides_put_right(
    views: Views, subsets: Tensor, min_angle: float, anatomy: Anatomy
) -> tuple[Tensor, Tensor, Tensor]:
    """The robust pose (B, J, 3), the person's boxes (B, C), limbs (B, C, G) exchanged for it."""
    xyz = robust_pose(views, subsets, min_angle)
    exchanged = exchanged_limbs(views, xyz, anatomy)
    anew = exchanged.flatten(1).any(dim=1)
    if anew.any():
        mended = with_limbs_exchanged(views[anew], exchanged[anew], anatomy)
        xyz = xyz.index_put((anew,), robust_pose(mended, subsets, min_angle))
    return xyz, _boxes(views, xyz), exchanged


def _with_bones(views: Views, context: Context, anatomy: Anatomy) -> tuple[Tensor, Tensor, Tensor]:
    """The solution with bones (B, J, 3), the person's boxes (B, C), its errors (B, J, C)."""
    xyz = with_priors(views, context, anatomy, in_time=False)
    error = reprojection_error(views, xyz[:, :, None]).squeeze(2)
    return xyz, _boxes(views, xyz), torch.where(error.isfinite(), error, torch.nan)


def _boxes(views: Views, xyz: Tensor) -> Tensor:
    """Diagonals (B, C) of the person's boxes at the distance of the middle of the pose."""
    return views.size * (middle_of(xyz)[:, None] - views.center).norm(dim=-1)


def _story(recording: Recording, xyz: Tensor, box: Tensor, anatomy: Anatomy) -> Story:
    shape = (recording.ticks, recording.people)
    return Story.of(xyz.unflatten(0, shape), box.unflatten(0, shape), recording.time(), anatomy)
