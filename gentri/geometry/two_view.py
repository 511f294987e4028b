"""Relative pose of two cameras from a moving person whose sides a detector sometimes exchanges."""

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.epipolar import RelativePose, TwoViewSolver, sampson, skew
from gentri.geometry.two_view_solvers import relative_pose

_SWAP_ROUNDS = 2
_SWAP_GAIN, _SWAP_MARGIN = 0.5, 1.0  # by half, and by one whole joint


def relative_pose_of_frames(
    a: FloatArray,
    b: FloatArray,
    threshold: float,
    mirror: NDArray[np.int64],
    seed: int = 0,
    *,
    solver: TwoViewSolver = relative_pose,
    weights: tuple[FloatArray, FloatArray] | None = None,
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
        solver: finds the pose for one labeling.
        weights: (F, J) ≥ 0 in either view; a pair counts with their geometric mean. None for all
            alike.

    Returns:
        the pose over the finite pairs of (a, relabelled b), and which frames of b were relabelled,
        (F,).
    """
    in_a, in_b = (np.ones(a.shape[:2]),) * 2 if weights is None else weights
    swapped = np.zeros(len(a), dtype=bool)
    pose = None
    for _ in range(_SWAP_ROUNDS):
        labelled = relabelled(b, swapped, mirror)
        both = np.isfinite(a).all(-1) & np.isfinite(labelled).all(-1)
        weight = np.sqrt(in_a * np.where(swapped[:, None], in_b[:, mirror], in_b))
        pose = solver(a[both], labelled[both], threshold, seed, weight[both])
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
