"""Learned RANSAC triangulation: candidates, a network that judges them, a soft choice.

The idea is that of Bartol et al., "Generalizable Human Pose Triangulation" (CVPR 2022): draw
hypotheses, learn to score them, average by score. Here the unit of choice is the joint, not the
pose; the scorer sees errors, confidences, geometry, bones and time; see `docs/method.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from gentri.ransac.anatomy import Anatomy
from gentri.ransac.candidate_scorer import CandidateScorer
from gentri.ransac.estimators import Estimate
from gentri.ransac.features import LENGTH, describe
from gentri.ransac.first_look import first_look
from gentri.ransac.priors import with_priors
from gentri.ransac.proposals import propose
from gentri.ransac.recording import Recording
from gentri.ransac.scorer_file import read_scorer
from gentri.ransac.selection import Choice, chosen_candidate, inlier_views
from gentri.ransac.views import Views
from gentri.weights.store import locate

WEIGHTS = "candidate-scorer"


@cache
def load_scorer(path: Path | None = None) -> CandidateScorer:
    """The trained network, from a file or from the package.

    Raises:
        WeightsError: the file is absent or damaged.
    """
    return read_scorer(locate(WEIGHTS) if path is None else path)


@dataclass(frozen=True, eq=False)
class Learned:
    """Candidates averaged, or one of them, by what the network makes of them.

    Attributes:
        network: trained.
        inlier_box_share: reprojection error below which a view agrees, share of the person's box.
        min_angle: least angle between the rays of a subset of views, radians.
        choice: how a point comes from the scored candidates; errors are foreseen of the average.
        seed: of what is drawn.
    """

    network: CandidateScorer
    inlier_box_share: float
    min_angle: float
    choice: Choice = "average"
    seed: int = 0

    def over(self, recording: Recording) -> Callable[[slice, Views], Estimate]:
        """What to do with each chunk of the recording."""
        anatomy = Anatomy.of(recording.skeleton).to(recording.device)
        look = first_look(recording, anatomy, self.min_angle)
        network = self.network.to(recording.device).eval()
        generator = torch.Generator().manual_seed(self.seed)

        @torch.no_grad()
        def choose(where: slice, views: Views) -> Estimate:
            seen, context = look.put_right(where, views), look.story[where]
            views = look.weighed(seen)
            candidates, origin = propose(views, context, anatomy, self.min_angle)
            features = describe(views, candidates, origin, context, look.misfit_of(where), anatomy)
            judgement = network(features, anatomy.kind, candidates.valid)
            xyz = chosen_candidate(candidates, judgement.score, self.choice, generator)
            if self.choice != "average":
                return _estimate(seen, xyz, self.inlier_box_share, None)
            error = LENGTH * judgement.log_error_of_choice.to(xyz).expm1().clamp_min(0)
            return _estimate(seen, xyz, self.inlier_box_share, error * context.unit[:, None])

        return choose


@dataclass(frozen=True, eq=False)
class Priors:
    """The same without learning: rays, bones of usual length and neighbours in time.

    Attributes:
        inlier_box_share: as in `Learned`.
        min_angle: as in `Learned`.
    """

    inlier_box_share: float
    min_angle: float

    def over(self, recording: Recording) -> Callable[[slice, Views], Estimate]:
        """What to do with each chunk of the recording."""
        anatomy = Anatomy.of(recording.skeleton).to(recording.device)
        look = first_look(recording, anatomy, self.min_angle)

        def solve(where: slice, views: Views) -> Estimate:
            seen = look.put_right(where, views)
            xyz = with_priors(look.weighed(seen), look.story[where], anatomy, in_time=True)
            return _estimate(seen, xyz, self.inlier_box_share, None)

        return solve


def _estimate(views: Views, xyz: Tensor, inlier_box_share: float, error: Tensor | None) -> Estimate:
    """Of joints that two views see."""
    enough = (views.seen.sum(dim=-1) >= 2)[..., None]
    xyz = torch.where(enough, xyz, torch.nan)
    return Estimate(views, xyz, inlier_views(views, xyz, inlier_box_share), error)
