"""Other ways to the relative pose of two cameras: what gentri's calibration is held against.

`ray_distance_loop` is written anew from the description of Bartol et al., "Generalizable Human Pose
Triangulation" (CVPR 2022): many hypotheses from random joints by the eight-point algorithm, each
judged by how far the rays of all joints pass each other. Here the best one wins (the paper trains a
network to choose).
"""

import numpy as np

from gentri.data import FloatArray
from gentri.geometry.epipolar import decompose, homogeneous
from gentri.geometry.two_view_solvers import SOLVERS, essential_matrix

# As published: options of the paper's code for 50 frames (hypotheses, correspondences in each).
HYPOTHESES, SAMPLE, JUDGE = 100, 80, "mean"
# Better: tuned on other scenes than those of the benchmark, among 8 to 80 joints per hypothesis,
# mean and median of the distances, 100 to 1000 hypotheses.
TUNED = {"hypotheses": 1000, "sample": 64, "judge": "median"}

# Threshold of an inlier, share of the person's size: the best of 0.005 to 0.03 for each method.
THRESHOLD = {
    "ransac": 0.005,
    "magsac": 0.01,
    "usac_accurate": 0.02,
    "poselib": 0.02,
    "refined": 0.02,
}


def eight_point(a: FloatArray, b: FloatArray) -> FloatArray:
    """Rotation b_from_a (3, 3) by least squares over all correspondences (N, 2)."""
    return decompose(essential_matrix(a, b, np.ones(len(a))), a, b)[0]


def robust(
    name: str, a: FloatArray, b: FloatArray, size: float, weight: FloatArray, seed: int
) -> FloatArray | None:
    """Rotation by one of `SOLVERS`, None where it finds nothing.

    Args:
        name: of the solver.
        a: (N, 2) normalised image coordinates.
        b: (N, 2) in the other view.
        size: of the person, same unit.
        weight: (N,) confidences.
        seed: of the sampling.
    """
    pose = SOLVERS[name](a, b, THRESHOLD[name] * size, seed, weight)
    return None if pose is None else pose.R


def ray_distance_loop(
    a: FloatArray,
    b: FloatArray,
    seed: int,
    *,
    hypotheses: int = HYPOTHESES,
    sample: int = SAMPLE,
    judge: str = JUDGE,
) -> FloatArray:
    """Rotation b_from_a (3, 3) of the hypothesis whose rays pass closest.

    Args:
        a: (N, 2) normalised image coordinates.
        b: (N, 2) in the other view.
        seed: of the sampling.
        hypotheses: how many are drawn.
        sample: correspondences in each.
        judge: "mean" or "median" of the distances, in baselines.
    """
    rng = np.random.default_rng(seed)
    best, least = np.eye(3), np.inf
    for _ in range(hypotheses):
        pick = rng.choice(len(a), sample, replace=False)
        E = essential_matrix(a[pick], b[pick], np.ones(sample))
        R, t = decompose(E, a[pick], b[pick])
        distance = ray_distances(R, t, a, b)
        score = float(np.median(distance) if judge == "median" else distance.mean())
        if score < least:
            best, least = R, score
    return best


def ray_distances(R: FloatArray, t: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Closest approach of the two rays of each correspondence (N,), t has length 1."""
    across = np.cross(homogeneous(a), homogeneous(b) @ R)
    center = -R.T @ t
    return np.abs(across @ center) / np.maximum(np.linalg.norm(across, axis=-1), 1e-12)
