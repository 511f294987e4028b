"""How well 2D detections and reprojected 3D skeletons agree in one camera."""

import warnings

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray

# A detection whose joints lie, in the median, farther from a reprojected skeleton than this part of
# its extent shows somebody else.
_SAME_PERSON_FRACTION = 0.25


def match_people(detected_px: FloatArray, reprojected_px: FloatArray) -> NDArray[np.int64]:
    """Which detection shows which person, frame by frame.

    Args:
        detected_px: (T, P, J, 2), NaN where not detected.
        reprojected_px: (T, Q, J, 2), NaN where not triangulated.

    Returns:
        (T, Q) slot on the P axis, −1 where nobody fits.
    """
    from scipy.optimize import linear_sum_assignment

    frames, people = reprojected_px.shape[:2]
    slots = np.full((frames, people), -1)
    cost = _distances(detected_px, reprojected_px)
    limit = _SAME_PERSON_FRACTION * _extent(reprojected_px)
    fits = cost < limit[:, :, None]
    for t in np.flatnonzero(fits.any(axis=(1, 2))):
        # What does not fit costs more than any sum of fits.
        bounded = np.where(fits[t], cost[t], 1 + cost[t][fits[t]].sum())
        q, p = linear_sum_assignment(bounded)
        kept = fits[t, q, p]
        slots[t, q[kept]] = p[kept]
    return slots


def distance_px(
    detected_px: FloatArray, reprojected_px: FloatArray, slots: NDArray[np.int64]
) -> FloatArray:
    """Median distance over joints between a person's detection and reprojection.

    Args:
        detected_px: (T, P, J, 2).
        reprojected_px: (T, Q, J, 2).
        slots: (T, Q) from `match_people`.

    Returns:
        (T, Q) pixels; NaN where the person has no detection.
    """
    if detected_px.shape[1] == 0:
        return np.full(slots.shape, np.nan)
    chosen = np.take_along_axis(detected_px, slots.clip(min=0)[:, :, None, None], axis=1)
    median = _nanmedian(np.linalg.norm(chosen - reprojected_px, axis=-1))
    return np.where(slots >= 0, median, np.nan)


def _distances(detected_px: FloatArray, reprojected_px: FloatArray) -> FloatArray:
    """Median joint distance of every pair, (T, Q, P)."""
    frames, people, slots = *reprojected_px.shape[:2], detected_px.shape[1]
    distances = np.full((frames, people, slots), np.nan)
    for q in range(people):
        for p in range(slots):
            offset = detected_px[:, p] - reprojected_px[:, q]
            distances[:, q, p] = _nanmedian(np.linalg.norm(offset, axis=-1))
    return distances


def _extent(xy_px: FloatArray) -> FloatArray:
    """Diagonal of the box around the joints (T, Q, J, 2), (T, Q) pixels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        return np.linalg.norm(np.nanmax(xy_px, axis=2) - np.nanmin(xy_px, axis=2), axis=-1)


def _nanmedian(values: FloatArray) -> FloatArray:
    """Median over the last axis without NaN; NaN where nothing is left."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        return np.nanmedian(values, axis=-1)
