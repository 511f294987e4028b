"""Ways to find the relative pose of two views, by name, behind one signature (`TwoViewSolver`)."""

from types import MappingProxyType

import numpy as np

from gentri.data import FloatArray
from gentri.geometry.epipolar import (
    RelativePose,
    TwoViewSolver,
    decompose,
    homogeneous,
    pose_with_inliers,
    sampson,
    skew,
)
from gentri.geometry.two_view_refinement import refine_pose

_LEAST = 8  # correspondences
_ITERATIONS = (200, 2000)  # of RANSAC, at least and at most
_CONFIDENCE = 0.999
# Farther off than this many thresholds is a mistake: no loss is so robust that it does not matter.
_MISTAKE = 5.0


def poselib(
    a: FloatArray,
    b: FloatArray,
    threshold: float,
    seed: int = 0,
    weight: FloatArray | None = None,
) -> RelativePose | None:
    """PoseLib: 5-point LO-RANSAC, Cauchy refinement on the inliers; has no use for weights."""
    import poselib as library

    if len(a) < _LEAST:
        return None
    camera = {"model": "SIMPLE_PINHOLE", "width": 2, "height": 2, "params": [1.0, 0.0, 0.0]}
    least, most = _ITERATIONS
    ransac = {
        "max_epipolar_error": threshold,
        "min_iterations": least,
        "max_iterations": most,
        "seed": seed,
    }
    loss = {"loss_type": "CAUCHY", "loss_scale": threshold / 2}
    pose, info = library.estimate_relative_pose(a, b, camera, camera, ransac, loss)
    if info["num_inliers"] < _LEAST:
        return None
    return pose_with_inliers(np.asarray(pose.R), np.asarray(pose.t), a, b, threshold)


def relative_pose(
    a: FloatArray,
    b: FloatArray,
    threshold: float,
    seed: int = 0,
    weight: FloatArray | None = None,
) -> RelativePose | None:
    """PoseLib, then the robust Sampson error of all correspondences but mistakes, weighted."""
    start = poselib(a, b, threshold, seed)
    if start is None:
        return None
    weight = np.ones(len(a)) if weight is None else weight
    near = sampson(skew(start.t) @ start.R, a, b) < (_MISTAKE * threshold) ** 2
    R, t = refine_pose(start.R, start.t, a[near], b[near], weight[near], threshold)
    return pose_with_inliers(R, t, a, b, threshold)


def eight_point(
    a: FloatArray,
    b: FloatArray,
    threshold: float,
    seed: int = 0,
    weight: FloatArray | None = None,
) -> RelativePose | None:
    """All correspondences alike, no sampling: exact, and lost with a single wrong joint."""
    if len(a) < _LEAST:
        return None
    weight = np.ones(len(a)) if weight is None else weight
    return pose_with_inliers(*decompose(essential_matrix(a, b, weight), a, b), a, b, threshold)


def essential_matrix(a: FloatArray, b: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted least squares over eight or more correspondences, (3, 3), not yet of rank 2.

    Hartley, "In Defense of the Eight-Point Algorithm", 1997.
    """
    ah, Ta = _normalised(a)
    bh, Tb = _normalised(b)
    rows = (bh[:, :, None] * ah[:, None, :]).reshape(len(a), 9) * np.sqrt(weight)[:, None]
    E = np.linalg.svd(rows, full_matrices=len(a) < 9)[2][-1].reshape(3, 3)
    return Tb.T @ E @ Ta


def _normalised(xy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Homogeneous coordinates about their mean at mean distance √2, and the map to them (3, 3)."""
    middle = xy.mean(axis=0)
    k = np.sqrt(2) / max(float(np.linalg.norm(xy - middle, axis=1).mean()), 1e-12)
    T = np.array([[k, 0.0, -k * middle[0]], [0.0, k, -k * middle[1]], [0.0, 0.0, 1.0]])
    return homogeneous(xy) @ T.T, T


def _opencv(method: str) -> TwoViewSolver:
    """`cv2.findEssentialMat`; it draws its samples from a seed of its own and knows no weights."""

    def solve(
        a: FloatArray,
        b: FloatArray,
        threshold: float,
        seed: int = 0,
        weight: FloatArray | None = None,
    ) -> RelativePose | None:
        import cv2

        if len(a) < _LEAST:
            return None
        flag = getattr(cv2, method)
        a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
        found, _ = cv2.findEssentialMat(a, b, np.eye(3), flag, _CONFIDENCE, threshold)
        if found is None:
            return None
        # A minimal sample may leave several matrices, one below the other.
        several = np.asarray(found, dtype=np.float64).reshape(-1, 3, 3)
        E = max(several, key=lambda E: int((sampson(E, a, b) < threshold**2).sum()))
        near = sampson(E, a, b) < threshold**2
        return pose_with_inliers(*decompose(E, a[near], b[near]), a, b, threshold)

    return solve


SOLVERS = MappingProxyType(
    {
        "refined": relative_pose,
        "poselib": poselib,
        "usac_accurate": _opencv("USAC_ACCURATE"),
        "magsac": _opencv("USAC_MAGSAC"),
        "ransac": _opencv("RANSAC"),
        "eight_point": eight_point,
    }
)
