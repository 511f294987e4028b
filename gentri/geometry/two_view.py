"""Relative pose of two cameras from the joints of people (method: PoseLib's 5-point LO-RANSAC)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray

_RANSAC_ITERATIONS = (200, 2000)  # at least, at most
_SWAP_ROUNDS = 2
_SWAP_GAIN, _SWAP_MARGIN = 0.5, 1.0  # by half, and by one whole joint


@dataclass(frozen=True, eq=False)
class RelativePose:
    """b_from_a of two views up to scale.

    Attributes:
        R: (3, 3). t: (3,) unit length.
        inlier: (N,) over the correspondences given.
        in_front: share of the inliers that triangulate in front of both cameras.
    """

    R: FloatArray
    t: FloatArray
    inlier: NDArray[np.bool_]
    in_front: float

    @property
    def support(self) -> float:
        """Number of inliers that lie in front of both cameras."""
        return float(self.inlier.sum()) * self.in_front


def skew(v: FloatArray) -> FloatArray:
    """Matrices [v]× with [v]× w = v × w, (..., 3, 3)."""
    x, y, z = np.moveaxis(np.asarray(v), -1, 0)
    o = np.zeros_like(x)
    return np.stack(
        [np.stack([o, -z, y], -1), np.stack([z, o, -x], -1), np.stack([-y, x, o], -1)], -2
    )


def sampson(E: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared Sampson distances of normalised correspondences (..., 2), b' E a = 0.

    Hartley and Zisserman, Multiple View Geometry, 2nd ed., §11.4.3.
    """
    ah = np.concatenate([a, np.ones_like(a[..., :1])], axis=-1)
    bh = np.concatenate([b, np.ones_like(b[..., :1])], axis=-1)
    Ea, Etb = ah @ E.T, bh @ E
    residual = (bh * Ea).sum(-1)
    return residual**2 / ((Ea[..., :2] ** 2).sum(-1) + (Etb[..., :2] ** 2).sum(-1))


def share_in_front(R: FloatArray, t: FloatArray, a: FloatArray, b: FloatArray) -> float:
    """Share of correspondences (N, 2) whose rays meet in front of both cameras."""
    ah = np.concatenate([a, np.ones_like(a[..., :1])], axis=-1) @ R.T
    bh = np.concatenate([b, np.ones_like(b[..., :1])], axis=-1)
    aa, bb, ab = (ah * ah).sum(-1), (bh * bh).sum(-1), (ah * bh).sum(-1)
    at, bt = ah @ t, bh @ t
    det = ab**2 - aa * bb  # ≤ 0; 0 for parallel rays
    with np.errstate(divide="ignore", invalid="ignore"):
        depth_a, depth_b = (bb * at - ab * bt) / det, (ab * at - aa * bt) / det
    return float(((depth_a > 0) & (depth_b > 0)).mean()) if len(a) else 0.0


def relative_pose(
    a: FloatArray, b: FloatArray, threshold: float, seed: int = 0
) -> RelativePose | None:
    """Robust essential matrix with Cauchy refinement.

    Args:
        a: (N, 2) float64 normalised image coordinates of joints in one view.
        b: (N, 2) of the same joints in the other.
        threshold: largest Sampson distance of an inlier, same unit.
        seed: of the sampling.

    Returns:
        The pose, or None when fewer than 8 correspondences or no model were found.
    """
    import poselib

    if len(a) < 8:
        return None
    camera = {"model": "SIMPLE_PINHOLE", "width": 2, "height": 2, "params": [1.0, 0.0, 0.0]}
    least, most = _RANSAC_ITERATIONS
    ransac = {
        "max_epipolar_error": threshold,
        "min_iterations": least,
        "max_iterations": most,
        "seed": seed,
    }
    refine = {"loss_type": "CAUCHY", "loss_scale": threshold / 2}
    pose, info = poselib.estimate_relative_pose(a, b, camera, camera, ransac, refine)
    inlier = np.asarray(info["inliers"], dtype=bool)
    if inlier.sum() < 8:
        return None
    t = np.asarray(pose.t) / np.linalg.norm(pose.t)
    R = np.asarray(pose.R)
    return RelativePose(R, t, inlier, share_in_front(R, t, a[inlier], b[inlier]))


def relative_pose_of_frames(
    a: FloatArray, b: FloatArray, threshold: float, mirror: NDArray[np.int64], seed: int = 0
) -> tuple[RelativePose | None, NDArray[np.bool_]]:
    """Relative pose from whole skeletons, trying both left/right labelings of each frame.

    Detectors swap the sides of a whole person with confidence; one labeling of the two views agrees
    with the epipolar geometry of the other frames.

    Args:
        a: (F, J, 2) normalised image coordinates in one view; NaN where not seen.
        b: (F, J, 2) in the other.
        threshold: largest Sampson distance of an inlier.
        mirror: (J,) position of each joint's counterpart.
        seed: of the sampling.

    Returns:
        the pose over the finite pairs of (a, relabelled b), and which frames of b were relabelled,
        (F,).
    """
    swapped = np.zeros(len(a), dtype=bool)
    pose = None
    for _ in range(_SWAP_ROUNDS):
        labelled = relabelled(b, swapped, mirror)
        both = np.isfinite(a).all(-1) & np.isfinite(labelled).all(-1)
        pose = relative_pose(a[both], labelled[both], threshold, seed)
        if pose is None:
            break
        now = frames_to_swap(skew(pose.t) @ pose.R, a, b, threshold, mirror)
        if np.array_equal(now, swapped):
            break
        swapped = now
    return pose, swapped


def frames_to_swap(
    E: FloatArray, a: FloatArray, b: FloatArray, threshold: float, mirror: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Frames whose second view fits the epipolar geometry better with its sides exchanged, (F,)."""

    def cost(labelled: FloatArray) -> FloatArray:
        return np.nansum(np.minimum(sampson(E, a, labelled) / threshold**2, 1.0), axis=-1)

    return prefers_exchange(cost(b), cost(b[:, mirror]))


def prefers_exchange(as_is: FloatArray, exchanged: FloatArray) -> NDArray[np.bool_]:
    """Where exchanging the sides pays, by the sums of truncated errors (each at most 1) of frames.

    It must fit much better, or noise on nearly symmetric poses flips labels.
    """
    return exchanged < _SWAP_GAIN * as_is - _SWAP_MARGIN


def relabelled(xy: FloatArray, swapped: NDArray[np.bool_], mirror: NDArray[np.int64]) -> FloatArray:
    """Joints (F, J, 2) with left and right exchanged in the frames marked in (F,)."""
    return np.where(swapped[:, None, None], xy[:, mirror], xy)
