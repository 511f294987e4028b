"""The ways to triangulate that gentri has, as methods to evaluate."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast, get_args

import numpy as np
import torch
from torch import Tensor

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.errors import InputError, UsageError
from gentri.evaluation.comparison import Method
from gentri.ransac import estimators
from gentri.ransac.estimators import METHODS, Estimate, Estimator, Ransac, WholeRecording
from gentri.ransac.hypotheses import view_subsets
from gentri.ransac.irls import started
from gentri.ransac.learned import Learned
from gentri.ransac.recording import Recording
from gentri.ransac.scorer_file import SUFFIX, WHOLE_POSE, read_card, read_whole_pose
from gentri.ransac.selection import Choice
from gentri.ransac.views import Views
from gentri.ransac.whole_pose import BODY12, Mode, WholePose

INLIER_BOX_SHARE = 0.05  # below which a view agrees, share of the diagonal of the person's box
MIN_ANGLE_DEG = 5.0  # between the rays of a hypothesis


def method(name: str | Path) -> Method:
    """A way to triangulate, so that all are compared on the same joints.

    Every joint that two views see gets a point: nothing is refused by angle, and where nothing is
    found or no two views agree it is the weighted point of all views. Else a method that gives up
    on hard joints would look better than one that does not.

    Args:
        name: one of `METHODS`, or a file of weights that `gentri train` has written. Of scorers,
            after a colon, how they choose: `Choice` of candidates, `Mode` of whole poses.

    Raises:
        UsageError: neither.
        WeightsError: the file is no weight file of a scorer.
    """
    base, choice = _choice_of(str(name))
    file = Path(base) if base.endswith(SUFFIX) else None
    if file is None and base not in METHODS:
        raise UsageError.unknown("method", base, [*METHODS, f"FILE{SUFFIX}"])
    kind = cast("estimators.Method", base if file is None else "learned")
    whole_pose = file is not None and read_card(file)["method"] == WHOLE_POSE
    choices = get_args(Mode if whole_pose else Choice) if kind == "learned" else ("average",)
    if choice not in choices:
        raise UsageError.unknown(f"choice of {base}", choice, choices)
    if file is not None and whole_pose:
        return _whole_pose(file, cast("Mode", choice))

    def chosen(cameras: int) -> Estimator | WholeRecording:
        found = estimators.estimator(kind, cameras, INLIER_BOX_SHARE, MIN_ANGLE_DEG, file)
        learned = isinstance(found, Learned)
        return replace(found, choice=cast("Choice", choice)) if learned else found

    chosen(2)  # what is wrong with the weights is said now, not later
    return lambda keypoints, rig: _points(keypoints, rig, chosen(len(rig.cameras)))


def _choice_of(name: str) -> tuple[str, str]:
    """The name in front of the last colon, and what is behind it."""
    base, colon, choice = name.rpartition(":")
    if not colon or name.endswith(SUFFIX):  # a drive's colon
        return name, "average"
    return base, choice


def _whole_pose(file: Path, mode: Mode) -> Method:
    network = read_whole_pose(file)
    scored = network.skeleton

    def triangulated(keypoints: Keypoints2D, rig: Rig) -> FloatArray:
        there = keypoints.skeleton
        if missing := [joint for joint in scored.joints if joint not in there.joints]:
            other = f"train one that sees fewer (--set network.joint_set={BODY12.name}), or "
            raise InputError(
                f"{file} scores poses of {scored.name}, the detections are of {there.name}, "
                f"without {', '.join(missing)}",
                f"{'' if scored == BODY12 else other}leave it out",
            )
        joints = [there.index(joint) for joint in scored.joints]
        subsets = view_subsets(len(rig.cameras))
        return _points(keypoints, rig, WholePose(network, joints, subsets, mode))

    return triangulated


def _points(keypoints: Keypoints2D, rig: Rig, estimate: Estimator | WholeRecording) -> FloatArray:
    """Joints (T, J, 3), metres; NaN where fewer than two views see them."""
    recording = Recording(
        rig,
        keypoints.xy_px[:, :, None],
        keypoints.score[:, :, None],
        keypoints.time_s,
        keypoints.skeleton,
    )
    whole = isinstance(estimate, WholeRecording)
    solve = estimate.over(recording) if whole else partial(_alone, estimate)
    parts = [
        _everywhere(views, solve(where, views), by_agreement=isinstance(estimate, Ransac))
        for where, views in recording.chunks()
    ]
    return torch.cat(parts).numpy().astype(np.float64)


def _alone(estimate: Estimator, _where: slice, views: Views) -> Estimate:
    return estimate(views)


def _everywhere(views: Views, found: Estimate, *, by_agreement: bool) -> Tensor:
    """Points (B, J, 3) of all joints that two views see."""
    xyz = found.xyz
    if by_agreement:
        xyz = torch.where(found.used.sum(dim=-1, keepdim=True) >= 2, xyz, torch.nan)
    enough = views.seen.sum(dim=-1, keepdim=True) >= 2
    return torch.where(enough, started(views, xyz), torch.nan)
