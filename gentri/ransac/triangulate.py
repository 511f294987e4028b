"""Triangulation of whole recordings, chunk by chunk, so that memory does not grow with length."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gentri.data import FloatArray, Rig
from gentri.geometry.cameras import project
from gentri.ransac.estimators import Estimator
from gentri.ransac.hypotheses import MAX_SUBSETS
from gentri.ransac.least_squares import ray_angle
from gentri.ransac.views import Views, gather_views, person_size, reprojection_error

# Residuals (skeletons × joints × subsets × cameras) held at once: some 100 MB of temporaries.
CHUNK_RESIDUALS = 1 << 19


@dataclass(frozen=True, eq=False)
class Points:
    """Triangulated joints; NaN where fewer than two views agree.

    Attributes:
        xyz: (T, P, J, 3) float32, metres.
        score: (T, P, J) float32, 0–1: mean over the views that see the joint, weighted by their
            confidence, of confidence × agreement; 1 if all are certain and agree exactly.
        reproj_px: (T, P, J) float32, RMS over the used views in the original, distorted images.
        used: (T, P, J, C) bool.
    """

    xyz: FloatArray
    score: FloatArray
    reproj_px: FloatArray
    used: NDArray[np.bool_]


def triangulate(
    rig: Rig,
    xy_px: FloatArray,
    confidence: FloatArray,
    estimate: Estimator,
    *,
    inlier_box_share: float,
    min_angle_deg: float,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Points:
    """Joints of people whose detections are matched across views.

    Args:
        rig: C cameras, at least two.
        xy_px: (C, T, P, J, 2) distorted pixels, NaN where not seen.
        confidence: (C, T, P, J) detector scores, NaN or 0 where not seen.
        estimate: from `gentri.ransac.estimators.estimator`.
        inlier_box_share: error at which agreement has fallen to zero in the score, as a share of
            the diagonal of the person's box.
        min_angle_deg: points whose rays meet at less (see `ray_angle`) are refused.
        device: torch device.
        progress: called with ticks done and ticks in all.
    """
    _, ticks, people, joints, _ = xy_px.shape
    size = person_size(rig, xy_px)
    chunks = []
    for chunk in _chunks(ticks, people * joints * len(rig.cameras)):
        xy = xy_px[:, chunk].reshape(len(rig.cameras), -1, joints, 2)
        views = gather_views(
            rig,
            xy,
            confidence[:, chunk].reshape(xy.shape[:-1]),
            size[:, chunk].reshape(len(rig.cameras), -1),
            torch.device(device),
        )
        points, used = _refuse(views, *estimate(views), math.radians(min_angle_deg))
        score = agreement(views, points, inlier_box_share)
        chunks.append(_measure(rig, xy, *(x.cpu().numpy() for x in (points, score, used))))
        progress(chunk.stop, ticks)
    fields = (np.concatenate(field) for field in zip(*chunks, strict=True))
    return Points(*(f.reshape(ticks, people, *f.shape[1:]) for f in fields))


def agreement(views: Views, xyz: Tensor, inlier_box_share: float) -> Tensor:
    """Score (B, J) of points (B, J, 3), as described in `Points`; NaN where xyz is.

    On noisy synthetic scenes it ranks joints by their true error about as well as any combination
    of residual, confidence and angle that was tried, from two cameras to six.
    """
    error = reprojection_error(views, xyz[:, :, None]).squeeze(2)
    agrees = 1 - (error / inlier_box_share).square().clamp_max(1.0)
    score = (views.confidence.square() * agrees).sum(dim=-1) / views.confidence.sum(dim=-1)
    return torch.where(xyz.isfinite().all(dim=-1), score, torch.nan)


def _chunks(ticks: int, residuals_per_tick: int) -> Iterator[slice]:
    step = max(1, CHUNK_RESIDUALS // (residuals_per_tick * MAX_SUBSETS))
    return (slice(start, min(start + step, ticks)) for start in range(0, max(ticks, 1), step))


def _refuse(views: Views, xyz: Tensor, used: Tensor, min_angle: float) -> tuple[Tensor, Tensor]:
    """Drop points of fewer than two views, of nearly parallel rays and behind a used camera."""
    error = reprojection_error(views, xyz[:, :, None]).squeeze(2)
    valid = (used.sum(dim=-1) >= 2) & (error.isfinite() | ~used).all(dim=-1)
    valid &= ray_angle(views, used[:, :, None]).squeeze(2) >= min_angle
    return torch.where(valid[..., None], xyz, torch.nan), used & valid[..., None]


def _measure(
    rig: Rig, xy_px: FloatArray, xyz: FloatArray, score: FloatArray, used: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """Add the reprojection error in pixels and reduce to what is stored."""
    offset_px = np.stack([project(c, xyz) for c in rig.cameras], axis=2) - xy_px.transpose(
        1, 2, 0, 3
    )
    squared = np.where(used, np.square(offset_px).sum(axis=-1), 0.0)
    count = used.sum(axis=-1)
    reproj_px = np.sqrt(squared.sum(axis=-1) / np.where(count > 0, count, np.nan))
    return xyz.astype(np.float32), score.astype(np.float32), reproj_px.astype(np.float32), used
