"""What the rest of a recording tells of each skeleton: bones, size, where it was a moment ago."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gentri.ransac.anatomy import Anatomy

REACH = 1.0  # of a joint from the middle of the body, in diagonals of its box: 0.6 is an arm up
MOMENT_S = 0.1  # neighbours in time: so far away, or not farther than half as much again


@dataclass(frozen=True, eq=False)
class Context:
    """Of B skeletons (ticks × people), J joints, L bones; in metres, or the rig's unit of length.

    Attributes:
        reference: (B, J, 3) a robust solution; NaN where there is none.
        expected: (B, J, 3) where a moment before and after put the joint; NaN where unknown.
        steady: (B, J, 3) the most central of the references a moment before, now and a moment
            after; that of now where one of them is missing.
        way: (B, J) distance between a moment before and after; NaN where unknown.
        length: (B, L) usual length of the bones of this person; NaN where never measured.
        unit: (B,) usual diagonal of the box around this person.
    """

    reference: Tensor
    expected: Tensor
    steady: Tensor
    way: Tensor
    length: Tensor
    unit: Tensor


@dataclass(frozen=True, eq=False)
class Story:
    """A solution of a whole recording, of T ticks and P people; contexts are read off it.

    Attributes:
        reference: (T, P, J, 3) a robust solution; NaN where there is none.
        time_s: (T,) increasing.
        length: (P, L) usual lengths of bones.
        unit: (P,) usual diagonals of people's boxes.
    """

    reference: Tensor
    time_s: Tensor
    length: Tensor
    unit: Tensor

    @classmethod
    def of(cls, reference: Tensor, box: Tensor, time_s: Tensor, anatomy: Anatomy) -> "Story":
        """From a solution.

        Args:
            reference: (T, P, J, 3); what is too far from the body becomes NaN.
            box: (T, P, C) diagonals of the person's boxes in the world; NaN where not seen.
            time_s: (T,) increasing.
            anatomy: of the joint set.
        """
        unit = box.transpose(0, 1).flatten(1).nanmedian(dim=1).values
        reference = plausible(reference, unit.expand(reference.shape[:2]))
        a, b = anatomy.ends.T
        bones = (reference[:, :, a] - reference[:, :, b]).norm(dim=-1)
        return cls(reference, time_s, bones.nanmedian(dim=0).values, unit)

    def __getitem__(self, where: slice) -> Context:
        """Context of consecutive skeletons of all T · P, ticks first; whole ticks."""
        people = len(self.unit)
        ticks = slice(where.start // people, where.stop // people)
        now, time_s = self.reference[ticks], self.time_s[ticks]
        before, after, two_before, two_after = (
            _at(self.reference, self.time_s, time_s + away * MOMENT_S) for away in (-1, 1, -2, 2)
        )
        cubic = (4 * (before + after) - (two_before + two_after)) / 6
        expected = torch.where(cubic.isfinite(), cubic, (before + after) / 2)
        return Context(
            reference=now.flatten(0, 1),
            expected=expected.flatten(0, 1),
            steady=_medoid(before, now, after).flatten(0, 1),
            way=(after - before).norm(dim=-1).flatten(0, 1),
            length=every(self.length, len(time_s)),
            unit=every(self.unit, len(time_s)),
        )


def every(usual: Tensor, ticks: int) -> Tensor:
    """What is so of people (P, ...) at every tick, (T · P, ...)."""
    return usual.expand(ticks, *usual.shape).flatten(0, 1)


def plausible(xyz: Tensor, unit: Tensor) -> Tensor:
    """Points (..., J, 3), NaN where they are too far from the others to belong to one body.

    Args:
        xyz: NaN where there is none.
        unit: (...) size of the body.
    """
    far = (xyz - middle_of(xyz)[..., None, :]).norm(dim=-1) > REACH * unit[..., None]
    return torch.where(far[..., None], torch.nan, xyz)


def middle_of(xyz: Tensor) -> Tensor:
    """Middle (..., 3) of the joints (..., J, 3), without those that are far from the others."""
    away = (xyz - xyz.nanmean(dim=-2, keepdim=True)).norm(dim=-1)
    near = away <= 2 * away.nanmedian(dim=-1, keepdim=True).values
    return torch.where(near[..., None], xyz, torch.nan).nanmean(dim=-2)


def _medoid(before: Tensor, now: Tensor, after: Tensor) -> Tensor:
    """Of three points (..., 3) the one nearest to the two others; the second where one is NaN.

    As a median is, but no axis is preferred.
    """
    to_before, to_after = (now - before).norm(dim=-1), (now - after).norm(dim=-1)
    across = (before - after).norm(dim=-1)
    sums = torch.stack([to_before + to_after, to_before + across, to_after + across])
    which = sums.nan_to_num(nan=0.0).argmin(dim=0)
    first, last = (which == 1)[..., None], (which == 2)[..., None]
    known = sums.isfinite().all(dim=0)[..., None]
    return torch.where(known & first, before, torch.where(known & last, after, now))


def _at(xyz: Tensor, time_s: Tensor, wanted_s: Tensor) -> Tensor:
    """Of the tick nearest to each wanted time; NaN where that is half a moment away."""
    last = len(time_s) - 1
    above = torch.searchsorted(time_s, wanted_s).clamp_max(last)
    below = (above - 1).clamp_min(0)
    nearer_below = wanted_s - time_s[below] < time_s[above] - wanted_s
    index = torch.where(nearer_below, below, above)
    near = (time_s[index] - wanted_s).abs() < MOMENT_S / 2
    return torch.where(near.reshape(-1, *[1] * (xyz.ndim - 1)), xyz[index], torch.nan)
