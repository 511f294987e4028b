"""What a detector would report of a synthetic person, exactly or with its usual faults."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.geometry.cameras import project
from gentri.skeletons import COCO17, Skeleton
from gentri.synthetic.walker import Walk

# Whole limbs that detectors exchange between left and right.
LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))

# Score of a perfect detection, the error at which it has halved (share of the person's box
# diagonal) and its scatter: visible joints of common detectors score 0.85 ± 0.09.
BEST_SCORE, HALVING_ERROR, SCORE_SIGMA = 0.85, 0.03, 0.09
LOWEST_SCORE = 0.02


def observe(rig: Rig, walk: Walk) -> Keypoints2D:
    """Exact projections with score 1; NaN outside the image and behind a camera.

    Stored pixels are float32: exact to 1e-4 px in an image of 2,000 px.
    """
    size_px = np.array([(c.width, c.height) for c in rig.cameras], dtype=np.int32)
    xy = np.stack([project(c, walk.xyz) for c in rig.cameras])
    edge = size_px[:, None, None] - 0.5
    with np.errstate(invalid="ignore"):
        inside = ((xy >= -0.5) & (xy <= edge)).all(axis=-1)
    xy[~inside] = np.nan
    score = np.where(inside, 1.0, np.nan)
    return Keypoints2D(
        xy.astype(np.float32), score.astype(np.float32), walk.time_s, rig.names, size_px, COCO17
    )


def degrade(
    exact: Keypoints2D,
    rng: np.random.Generator,
    *,
    noise_px: float = 0.0,
    outliers: float = 0.0,
    swaps: float = 0.0,
    dropout: float = 0.0,
) -> Keypoints2D:
    """Exact keypoints with a detector's faults and with scores that follow the error.

    Args:
        exact: from `observe`.
        rng: source of all faults.
        noise_px: standard deviation of Gaussian noise per axis.
        outliers: share of joints thrown anywhere into the person's box.
        swaps: share of limbs (an arm or leg in one view and frame) exchanged with the other side;
            they keep their scores: such mistakes are confident.
        dropout: share of joints that are not reported at all (NaN).
    """
    xy = exact.xy_px + rng.normal(0.0, 1.0, exact.xy_px.shape) * noise_px
    low, high = box_corners(exact.xy_px)
    thrown = low + rng.uniform(size=xy.shape) * (high - low)
    is_outlier = rng.uniform(size=xy.shape[:-1]) < outliers
    xy = np.where(is_outlier[..., None] & np.isfinite(xy), thrown, xy)
    error = np.linalg.norm(xy - exact.xy_px, axis=-1) / np.linalg.norm(high - low, axis=-1)
    score = BEST_SCORE / (1 + error / HALVING_ERROR) + rng.normal(0.0, SCORE_SIGMA, error.shape)
    score = np.clip(score, LOWEST_SCORE, 1.0)
    order = swapped_sides(exact.skeleton, rng, xy.shape[:2], swaps)
    xy = np.take_along_axis(xy, order[..., None], axis=2)
    score = np.take_along_axis(score, order, axis=2)
    lost = rng.uniform(size=score.shape) < dropout
    xy[lost] = np.nan
    score[lost | np.isnan(xy[..., 0])] = np.nan
    return replace(exact, xy_px=xy.astype(np.float32), score=score.astype(np.float32))


def box_corners(xy_px: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least and greatest x, y over the joints of (..., J, 2), each (..., 1, 2); NaN if none."""
    unseen = np.isnan(xy_px)
    low = np.where(unseen, np.inf, xy_px).min(axis=-2, keepdims=True)
    high = np.where(unseen, -np.inf, xy_px).max(axis=-2, keepdims=True)
    absent = low > high
    return np.where(absent, np.nan, low), np.where(absent, np.nan, high)


def swapped_sides(
    skeleton: Skeleton, rng: np.random.Generator, views: tuple[int, ...], share: float
) -> NDArray[np.int64]:
    """Joint order (C, T, J) in which a share of arms and legs are exchanged."""
    order = np.broadcast_to(np.arange(len(skeleton)), (*views, len(skeleton))).copy()
    for parts in LIMBS:
        swapped = rng.uniform(size=views) < share
        joints = [skeleton.index(f"{side}_{part}") for part in parts for side in ("left", "right")]
        mirrored = skeleton.mirror[joints]
        order[..., joints] = np.where(swapped[..., None], mirrored, order[..., joints])
    return order
