"""Triangulation of whole recordings, chunk by chunk, so that memory does not grow with length."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gentri.data import FloatArray, Rig
from gentri.geometry.cameras import pixels, project
from gentri.ransac.estimators import Estimate, Estimator, WholeRecording
from gentri.ransac.least_squares import ray_angle
from gentri.ransac.recording import Recording
from gentri.ransac.views import Views, reprojection_error


@dataclass(frozen=True, eq=False)
class Points:
    """Triangulated joints; NaN where fewer than two views agree.

    Attributes:
        xyz: (T, P, J, 3) float32, metres.
        score: (T, P, J) float32, 0–1: mean over the views that see the joint, weighted by their
            confidence, of confidence × agreement; 1 if all are certain and agree exactly.
        reproj_px: (T, P, J) float32, RMS over the used views in the original, distorted images.
        used: (T, P, J, C) bool.
        error_m: (T, P, J) float32, expected distance from the truth; NaN where the method foresees
            none.
    """

    xyz: FloatArray
    score: FloatArray
    reproj_px: FloatArray
    used: NDArray[np.bool_]
    error_m: FloatArray


def triangulate(
    recording: Recording,
    estimate: Estimator | WholeRecording,
    *,
    inlier_box_share: float,
    min_angle_deg: float,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Points:
    """Joints of people whose detections are matched across views.

    Args:
        recording: cameras and detections.
        estimate: from `gentri.ransac.estimators.estimator`.
        inlier_box_share: error at which agreement has fallen to zero in the score, as a share of
            the diagonal of the person's box.
        min_angle_deg: points whose rays meet at less (see `ray_angle`) are refused.
        progress: called with ticks done and ticks in all.
    """
    if recording.ticks == 0:
        return _nothing(recording)
    solve = estimate.over(recording) if isinstance(estimate, WholeRecording) else _each(estimate)
    chunks = []
    for where, views in recording.chunks():
        found = _refuse(solve(where, views), math.radians(min_angle_deg))
        score = agreement(found.views, found.xyz, inlier_box_share)
        chunks.append(_measure(recording.rig, found, score))
        progress(where.stop // max(recording.people, 1), recording.ticks)
    fields = (np.concatenate(field) for field in zip(*chunks, strict=True))
    return Points(*(f.reshape(recording.ticks, recording.people, *f.shape[1:]) for f in fields))


def _nothing(recording: Recording) -> Points:
    shape = (0, recording.people, len(recording.skeleton))
    number = np.empty(shape, np.float32)
    xyz, used = np.empty((*shape, 3), np.float32), np.empty((*shape, len(recording.rig.cameras)))
    return Points(xyz, number, number, used.astype(np.bool_), number)


def _each(estimate: Estimator) -> Callable[[slice, Views], Estimate]:
    return lambda _where, views: estimate(views)


def agreement(views: Views, xyz: Tensor, inlier_box_share: float) -> Tensor:
    """Score (B, J) of points (B, J, 3), as described in `Points`; NaN where xyz is.

    On noisy synthetic scenes it ranks joints by their true error about as well as any combination
    of residual, confidence and angle that was tried, from two cameras to six.
    """
    error = reprojection_error(views, xyz[:, :, None]).squeeze(2)
    agrees = 1 - (error / inlier_box_share).square().clamp_max(1.0)
    score = (views.confidence.square() * agrees).sum(dim=-1) / views.confidence.sum(dim=-1)
    return torch.where(xyz.isfinite().all(dim=-1), score, torch.nan)


def _refuse(found: Estimate, min_angle: float) -> Estimate:
    """Drop points of fewer than two views, of nearly parallel rays and behind a used camera."""
    error = reprojection_error(found.views, found.xyz[:, :, None]).squeeze(2)
    valid = (found.used.sum(dim=-1) >= 2) & (error.isfinite() | ~found.used).all(dim=-1)
    valid &= ray_angle(found.views, found.used) >= min_angle
    foreseen = torch.full_like(error[..., 0], torch.nan) if found.error_m is None else found.error_m
    return replace(
        found,
        xyz=torch.where(valid[..., None], found.xyz, torch.nan),
        used=found.used & valid[..., None],
        error_m=torch.where(valid, foreseen, torch.nan),
    )


def _measure(rig: Rig, found: Estimate, score: Tensor) -> tuple[FloatArray, ...]:
    """Add the reprojection error in pixels and reduce to what is stored, as in `Points`."""
    assert found.error_m is not None
    xyz, used = found.xyz.cpu().numpy(), found.used.cpu().numpy()
    seen = found.views.xy.cpu().numpy()
    away = [project(c, xyz) - pixels(c, seen[:, :, i]) for i, c in enumerate(rig.cameras)]
    squared = np.square(away).sum(axis=-1).transpose(1, 2, 0)
    count = used.sum(axis=-1)
    squared = np.where(used, squared, 0.0).sum(axis=-1)
    reproj_px = np.sqrt(squared / np.where(count > 0, count, np.nan))
    stored = (xyz, score.cpu().numpy(), reproj_px)
    foreseen = found.error_m.cpu().numpy().astype(np.float32)
    return *(x.astype(np.float32) for x in stored), used, foreseen
