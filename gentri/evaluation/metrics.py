"""Errors of 3D poses against the truth.

NaN is "not measured" and never counts as zero. A mean error is over what was measured: the share of
the joints asked for that was is its coverage, and belongs beside it. PCK and its area count what
was not measured as wrong.
"""

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.skeletons import Skeleton

# Threshold of PCK, and the thresholds whose mean is the area under its curve: Mehta et al.,
# "Monocular 3D human pose estimation in the wild using improved CNN supervision", 2017.
PCK_M = 0.150
AUC_M = np.linspace(0.0, 0.150, 31)

# Points from which a similarity follows.
_LEAST_POINTS = 3


def absolute_errors(xyz: FloatArray, truth: FloatArray) -> FloatArray:
    """Distances (..., J), metres, of joints (..., J, 3)."""
    return np.linalg.norm(xyz - truth, axis=-1)


def relative_errors(xyz: FloatArray, truth: FloatArray, skeleton: Skeleton) -> FloatArray:
    """The same with both pelvises put into one place; NaN where the pelvis was not measured."""
    return absolute_errors(
        xyz - pelvis(xyz, skeleton)[..., None, :], truth - pelvis(truth, skeleton)[..., None, :]
    )


def aligned_errors(xyz: FloatArray, truth: FloatArray) -> FloatArray:
    """The same after the best similarity of every pose (T, J, 3): Procrustes errors (T, J).

    Of the joints that both have; NaN where these are fewer than three.
    """
    return absolute_errors(procrustes(xyz, truth), truth)


def pelvis(xyz: FloatArray, skeleton: Skeleton) -> FloatArray:
    """The pelvis (..., 3): "hip" where there is one and it is measured, else between the hips.

    NaN where the joint set has neither.
    """

    def of(joint: str) -> FloatArray:
        if joint not in skeleton.joints:
            return np.full_like(xyz[..., 0, :], np.nan)
        return xyz[..., skeleton.index(joint), :]

    hip = of("hip")
    return np.where(np.isfinite(hip), hip, (of("left_hip") + of("right_hip")) / 2)


def procrustes(xyz: FloatArray, truth: FloatArray) -> FloatArray:
    """Every pose (T, J, 3) moved, turned and scaled to be nearest to its truth.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    1991. Without reflection.
    """
    both = np.isfinite((xyz + truth).sum(axis=-1))
    enough = both.sum(axis=-1) >= _LEAST_POINTS
    count = np.maximum(both.sum(axis=-1, keepdims=True), 1)

    def centred(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        shown = np.where(both[..., None], points, 0.0)
        mean = shown.sum(axis=1) / count
        return np.where(both[..., None], shown - mean[:, None], 0.0), mean

    a, mean_a = centred(xyz)
    b, mean_b = centred(truth)
    U, stretch, Vt = np.linalg.svd(b.transpose(0, 2, 1) @ a)
    sign = np.ones_like(stretch)
    sign[:, 2] = np.where(np.linalg.det(U @ Vt) < 0, -1.0, 1.0)
    R = (U * sign[:, None]) @ Vt
    size = (a**2).sum(axis=(1, 2))
    scale = (stretch * sign).sum(axis=-1) / np.where(enough & (size > 0), size, np.nan)
    moved = (xyz - mean_a[:, None]) @ R.transpose(0, 2, 1)
    return scale[:, None, None] * moved + mean_b[:, None]


def coverage(errors_m: FloatArray, known: NDArray[np.bool_]) -> float:
    """Share of the joints whose truth is known that were measured; NaN where none is."""
    return _mean(np.isfinite(errors_m)[known])


def pck(errors_m: FloatArray, known: NDArray[np.bool_], threshold_m: float = PCK_M) -> float:
    """Share of the joints whose truth is known that are right: within the threshold of it."""
    return _mean(np.nan_to_num(errors_m[known], nan=np.inf) <= threshold_m)


def auc(errors_m: FloatArray, known: NDArray[np.bool_]) -> float:
    """Mean of PCK over thresholds from 0 to 150 mm in steps of 5 mm."""
    return float(np.mean([pck(errors_m, known, threshold) for threshold in AUC_M]))


def mean_error(errors_m: FloatArray) -> float:
    """Mean of what was measured, metres (MPJPE); NaN where nothing was."""
    return _mean(errors_m[np.isfinite(errors_m)])


def _mean(values: FloatArray | NDArray[np.bool_]) -> float:
    return float(values.mean()) if values.size else float("nan")
