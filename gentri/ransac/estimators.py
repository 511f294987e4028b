"""The ways to triangulate: each turns views into points and says which views agree with them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gentri.ransac.hypotheses import hypothesize, view_subsets
from gentri.ransac.irls import cauchy_refit, huber_refit, started
from gentri.ransac.least_squares import homogeneous_dlt
from gentri.ransac.recording import Recording
from gentri.ransac.scorer import MsacScorer, Scorer
from gentri.ransac.selection import best_candidate, inlier_views, refit
from gentri.ransac.views import Views

Method = Literal["dlt", "weighted", "huber", "ransac", "irls", "priors", "learned"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True, eq=False)
class Estimate:
    """Joints of B skeletons.

    Attributes:
        views: the detections as they were read: a method may put exchanged sides right.
        xyz: (B, J, 3); NaN or anything where fewer than two views are used.
        used: (B, J, C) bool, the views that made the point or agree with it.
        error_m: (B, J) expected distance from the truth, None where the method foresees none.
    """

    views: Views
    xyz: Tensor
    used: Tensor
    error_m: Tensor | None = None


# From each skeleton's own views.
Estimator = Callable[[Views], Estimate]


@runtime_checkable
class WholeRecording(Protocol):
    """An estimator that looks at a whole recording before it decides on each skeleton."""

    def over(self, recording: Recording) -> Callable[[slice, Views], Estimate]:
        """What to do with each chunk of the recording."""
        ...


def dlt(views: Views) -> Estimate:
    """Homogeneous DLT from all views, unweighted."""
    return Estimate(views, homogeneous_dlt(views), views.seen)


def weighted(views: Views) -> Estimate:
    """Ray least squares from all views, weighted by squared confidence."""
    return Estimate(views, refit(views, views.seen), views.seen)


@dataclass(frozen=True, eq=False)
class Huber:
    """Ray least squares from all views, reweighted by Huber's loss.

    Attributes:
        inlier_box_share: error below which a view agrees, share of the person's box.
    """

    inlier_box_share: float

    def __call__(self, views: Views) -> Estimate:
        """Points, wherever two views see the joint, and the views that agree with them."""
        xyz = huber_refit(views, refit(views, views.seen))
        return Estimate(views, xyz, inlier_views(views, xyz, self.inlier_box_share))


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

    def best(self, views: Views) -> Tensor:
        """The hypothesis (B, J, 3) of highest score; NaN where there is none."""
        subsets = torch.from_numpy(self.subsets).to(views.xy.device)
        candidates = hypothesize(views, subsets, self.min_angle)
        return best_candidate(candidates, self.scorer(views, candidates))

    def __call__(self, views: Views) -> Estimate:
        """Points and the views that agree with them; fewer than two where nothing agrees."""
        used = inlier_views(views, self.best(views), self.inlier_box_share)
        return Estimate(views, refit(views, used), used)


@dataclass(frozen=True, eq=False)
class Irls:
    """The best hypothesis, refined by ray least squares with Cauchy weights.

    Attributes:
        ransac: chooses the hypothesis.
    """

    ransac: Ransac

    def __call__(self, views: Views) -> Estimate:
        """Points, wherever two views see the joint, and the views that agree with them."""
        xyz = cauchy_refit(views, started(views, self.ransac.best(views)))
        return Estimate(views, xyz, inlier_views(views, xyz, self.ransac.inlier_box_share))


def estimator(
    method: Method,
    cameras: int,
    inlier_box_share: float,
    min_angle_deg: float,
    scorer: Path | None = None,
) -> Estimator | WholeRecording:
    """The estimator of this name for a rig with so many cameras.

    Args:
        method: its name.
        cameras: their number.
        inlier_box_share: error below which a view agrees, share of the person's box.
        min_angle_deg: least angle between the rays of a hypothesis.
        scorer: weights of "learned", None for those that come with gentri.

    Raises:
        WeightsError: these are absent or damaged.
    """
    min_angle = math.radians(min_angle_deg)
    if method == "dlt":
        return dlt
    if method == "weighted":
        return weighted
    if method == "huber":
        return Huber(inlier_box_share)
    if method in ("priors", "learned"):
        from gentri.ransac.learned import Learned, Priors, load_scorer

        if method == "priors":
            return Priors(inlier_box_share, min_angle)
        return Learned(load_scorer(scorer), inlier_box_share, min_angle)
    msac = MsacScorer(inlier_box_share)
    ransac = Ransac(view_subsets(cameras), msac, inlier_box_share, min_angle)
    return ransac if method == "ransac" else Irls(ransac)
