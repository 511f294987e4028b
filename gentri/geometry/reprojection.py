"""A sample against given cameras: joints, reprojection errors, and view-frames that contradict."""

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.projection import Views, project_views
from gentri.geometry.sample import Sample
from gentri.geometry.triangulation import triangulate
from gentri.geometry.two_view import prefers_exchange

_SWAP_ROUNDS = 2
_SWAP_TRUNCATION = 3.0  # sigmas

# A view-frame whose median residual is this many typical ones shows another person or a wrong pose.
_OUTLIER = 4.0
_TYPICAL_AT_LEAST = 0.5  # sigmas: exact data have no outliers


def structure(sample: Sample, views: Views) -> FloatArray:
    """Joints (F, J, 3) in the rig frame, triangulated with straight lenses; finite everywhere."""
    rays = (sample.xy_px - views.center[:, None, None]) / views.focal[:, None, None, None]
    rays = np.where(sample.seen[..., None], rays, np.nan)
    scale = float(np.median(sample.sigma_px / views.focal[:, None, None]))
    return filled(triangulate(rays, sample.weight, views.R, views.t, scale))


def filled(xyz: FloatArray) -> FloatArray:
    """Unknown joints at the median joint, where their zero weight keeps them harmless."""
    return np.where(np.isfinite(xyz), xyz, np.nanmedian(xyz, axis=(0, 1)))


def residuals_px(sample: Sample, views: Views, xyz: FloatArray) -> FloatArray:
    """Reprojection errors (C, F, J) of joints (F, J, 3); NaN unless two views see the joint."""
    uv, _ = project_views(views, xyz)
    e = np.linalg.norm(uv - sample.xy_px, axis=-1)
    return np.where(sample.seen & sample.twice_seen, e, np.nan)


def exchanged_sides(sample: Sample, views: Views) -> NDArray[np.bool_]:
    """View-frames (C, F) whose left and right contradict the other views."""
    swapped = np.zeros(sample.seen.shape[:2], dtype=bool)
    everywhere = np.ones_like(swapped)
    for _ in range(_SWAP_ROUNDS):
        labelled = sample.relabelled(swapped)
        xyz = structure(labelled, views)
        as_is = _truncated_errors(labelled, views, xyz)
        exchanged = _truncated_errors(labelled.relabelled(everywhere), views, xyz)
        swapped ^= prefers_exchange(as_is, exchanged)
    return swapped


def _truncated_errors(sample: Sample, views: Views, xyz: FloatArray) -> FloatArray:
    """Sum of the truncated errors of each view-frame, (C, F)."""
    e = residuals_px(sample, views, xyz) / sample.sigma_px
    return np.nansum(np.minimum(e / _SWAP_TRUNCATION, 1.0), axis=-1)


def outlying_frames(sample: Sample, views: Views, xyz: FloatArray) -> NDArray[np.bool_]:
    """View-frames (C, F) that disagree with all others."""
    e = residuals_px(sample, views, xyz) / sample.sigma_px
    known = np.isfinite(e).any(-1)
    middle = np.zeros(known.shape)
    middle[known] = np.nanmedian(e[known], axis=-1)
    return middle > _OUTLIER * max(float(np.nanmedian(e)), _TYPICAL_AT_LEAST)
