"""Errors of a detector, sketched: new in every frame, heavy-tailed, larger for hidden joints.

The generator behind the figures of `docs/method.md`. Real detections err differently:
see `real_like`.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.skeletons import COCO17
from gentri.synthetic.detections import box_corners, swapped_sides
from gentri.synthetic.occlusion import behind_object, behind_torso
from gentri.synthetic.walker import Walk

# Scale of the error of a visible joint per axis, share of the diagonal of the person's box.
SIGMA = 0.0085
TAIL = 4  # degrees of freedom of Student's t
VIEW_FACTOR = (0.7, 1.3)
HIDDEN_FACTOR, HIDDEN_SHIFT = 3.5, 0.02  # joints out of sight; they move together by the shift
SWAPS, OUTLIERS = 0.035, 0.02  # per limb and view, per joint and view
LOWEST_SCORE = 0.02


def _joint_factor() -> FloatArray:
    head = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    return np.array(
        [1.4 if j.endswith("hip") else 0.7 if j in head else 1.0 for j in COCO17.joints]
    )


JOINT_FACTOR = _joint_factor()


@dataclass(frozen=True)
class ScoreOf:
    """Mean and standard deviation of the scores of a kind of detection."""

    mean: float
    sigma: float


# What a joint is last in this order decides its score.
VISIBLE, HIDDEN = ScoreOf(0.85, 0.09), ScoreOf(0.50, 0.20)
SWAPPED, OUTLIER = ScoreOf(0.74, 0.12), ScoreOf(0.45, 0.22)


def sketch_noise(
    exact: Keypoints2D, walk: Walk, rig: Rig, rng: np.random.Generator, *, strength: float = 1.0
) -> Keypoints2D:
    """Exact keypoints with the errors of a detector and scores by kind of error.

    Args:
        exact: from `observe`.
        walk: the motion that was observed, for what hides what.
        rig: the cameras that observed it.
        rng: source of all errors.
        strength: multiplies the error of visible and hidden joints.
    """
    views, ticks, _, _ = exact.xy_px.shape
    hidden = behind_torso(rig, walk.xyz) | behind_object(rng, rig, walk.xyz)
    sigma = SIGMA * strength * person_size(exact.xy_px)[..., None] * JOINT_FACTOR
    sigma = sigma * rng.uniform(*VIEW_FACTOR, views)[:, None, None]
    error = rng.standard_t(TAIL, exact.xy_px.shape) * sigma[..., None]
    shift = rng.normal(size=(views, ticks, 1, 2)) / np.sqrt(2)
    shift = strength * HIDDEN_SHIFT * person_size(exact.xy_px)[..., None, None] * shift
    error = np.where(hidden[..., None], HIDDEN_FACTOR * error + shift, error)
    return with_mistakes(exact, exact.xy_px + error, hidden, rng, swaps=SWAPS, outliers=OUTLIERS)


def with_mistakes(
    exact: Keypoints2D,
    xy_px: FloatArray,
    hidden: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    swaps: float,
    outliers: float,
) -> Keypoints2D:
    """Exchanged limbs, joints anywhere in the person's box, and scores.

    Args:
        exact: where the joints are.
        xy_px: (C, T, J, 2) where a detector that makes no gross mistakes sees them.
        hidden: (C, T, J) joints out of sight.
        rng: source of all mistakes.
        swaps: share of arms and legs per view and frame that are exchanged, with confidence.
        outliers: share of joints per view and frame that are anywhere.
    """
    low, high = box_corners(exact.xy_px)
    shape = xy_px.shape[:-1]
    thrown = low + rng.uniform(size=xy_px.shape) * (high - low)
    is_outlier = rng.uniform(size=shape) < outliers
    xy = np.where(is_outlier[..., None], thrown, xy_px)
    order = swapped_sides(exact.skeleton, rng, shape[:2], swaps)
    is_swapped = order != np.arange(shape[2])
    hidden, is_outlier = (np.take_along_axis(a, order, axis=2) for a in (hidden, is_outlier))
    xy = np.take_along_axis(xy, order[..., None], axis=2)
    score = _drawn(rng, shape, VISIBLE)
    for kind, which in ((HIDDEN, hidden), (SWAPPED, is_swapped), (OUTLIER, is_outlier)):
        score = np.where(which, _drawn(rng, shape, kind), score)
    seen = np.isfinite(exact.xy_px[..., 0]) & np.isfinite(xy[..., 0])
    xy = np.where(seen[..., None], xy, np.nan)
    score = np.where(seen, np.clip(score, LOWEST_SCORE, 1.0), np.nan)
    return replace(exact, xy_px=xy.astype(np.float32), score=score.astype(np.float32))


def person_size(xy_px: FloatArray) -> FloatArray:
    """Diagonal of the box around the joints (C, T, J, 2) of each view and frame, (C, T) px."""
    low, high = box_corners(xy_px)
    return np.linalg.norm(high - low, axis=-1)[..., 0]


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], kind: ScoreOf) -> FloatArray:
    return rng.normal(kind.mean, kind.sigma, shape)
