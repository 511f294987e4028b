"""What a recording of 3D poses says about its own quality, without a reference."""

import numpy as np

from gentri.data import FloatArray, Poses3D, Rig, median_measured
from gentri.skeletons import Skeleton

# Segments between two joints of one bone. Trunk and shoulder girdle bend, the face is too small.
RIGID_LIMBS = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)

MAD_TO_SIGMA = 1.4826  # standard deviation of a normal distribution / its median absolute deviation


def limb_lengths(xyz: FloatArray, skeleton: Skeleton) -> FloatArray:
    """Lengths (..., L) of the rigid limbs of (..., J, 3)."""
    a, b = (
        [skeleton.index(limb[end]) for limb in RIGID_LIMBS if set(limb) <= set(skeleton.joints)]
        for end in (0, 1)
    )
    return np.linalg.norm(xyz[..., a, :].astype(np.float64) - xyz[..., b, :], axis=-1)


def limb_length_variation(xyz: FloatArray, skeleton: Skeleton) -> tuple[float, float]:
    """How much limbs that cannot change their length do: median over people and limbs.

    Args:
        xyz: (T, P, J, 3) metres, NaN where not measured.
        skeleton: joint set.

    Returns:
        Standard deviation / mean, and the same robustly (1.4826 · median absolute deviation /
        median). NaN where no limb was measured twice.
    """
    plain, robust = [], []
    lengths = limb_lengths(xyz, skeleton)
    for limb in lengths.reshape(len(lengths), -1).T:
        measured = limb[np.isfinite(limb)]
        if len(measured) > 1:
            median = np.median(measured)
            plain.append(measured.std() / measured.mean())
            robust.append(MAD_TO_SIGMA * np.median(np.abs(measured - median)) / median)
    return median_measured(np.array(plain)), median_measured(np.array(robust))


def reprojection_mrad(poses: Poses3D, rig: Rig) -> FloatArray:
    """Reprojection errors as angles, (T, P, J): pixels over the mean focal length of used views."""
    focal_px = np.array([np.diag(c.K)[:2].mean() for c in rig.cameras])
    count = poses.used.sum(axis=-1)
    mean_focal_px = (poses.used @ focal_px) / np.where(count > 0, count, np.nan)
    return 1000.0 * poses.reproj_px / mean_focal_px
