"""Poses of all cameras at once from the poses of pairs.

Rotations first, by averaging over loops of pairs, then centres from the directions between cameras.
It needs no order of cameras, so that no early mistake is handed on; but it sees every pair's error
as that pair's own. The incremental start (`rig_start`) has the opposite virtues.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from gentri.data import FloatArray
from gentri.geometry.epipolar import RelativePose

# A loop of three pairs that misses its beginning by more, degrees, speaks against its pairs: good
# pairs err by less than 3°.
_LOOP_DEG = 12.0
_ROUNDS = 30
_SMALL_ANGLE = 1e-3  # rad: below it all errors weigh alike

Poses = Mapping[tuple[int, int], RelativePose]


def global_poses(pairs: Poses, cameras: int) -> tuple[FloatArray, FloatArray]:
    """cam_from_world of the cameras that the pairs connect.

    Args:
        pairs: relative poses b_from_a by cameras a < b.
        cameras: number C.

    Returns:
        R: (C, 3, 3) and t: (C, 3), NaN for cameras that nothing connects; the scale is arbitrary.
    """
    trusted = closing(pairs)
    R = averaged_rotations(trusted, cameras)
    if np.isfinite(averaged_rotations(pairs, cameras)).sum() > np.isfinite(R).sum():
        trusted = dict(pairs)  # with wrong focal lengths no loop closes
        R = averaged_rotations(trusted, cameras)
    center = centers(trusted, R)
    return R, -np.einsum("cij,cj->ci", R, center)


def closing(pairs: Poses) -> dict[tuple[int, int], RelativePose]:
    """The pairs that at least as many loops of three confirm as contradict.

    Zach, Klopschitz and Pollefeys, "Disambiguating Visual Relations Using Loop Constraints", 2010.
    """
    votes = dict.fromkeys(pairs, 0)
    cameras = sorted({c for pair in pairs for c in pair})
    for a, b, c in combinations(cameras, 3):
        loop = ((a, b), (b, c), (a, c))
        if all(pair in pairs for pair in loop):
            R = pairs[a, c].R.T @ pairs[b, c].R @ pairs[a, b].R
            closes = np.trace(R) >= 1 + 2 * np.cos(np.radians(_LOOP_DEG))
            for pair in loop:
                votes[pair] += 1 if closes else -1
    return {pair: pose for pair, pose in pairs.items() if votes[pair] >= 0}


def averaged_rotations(pairs: Poses, cameras: int) -> FloatArray:
    """cam_from_world rotations (C, 3, 3) of the largest connected part; NaN elsewhere.

    L1 averaging by reweighted least squares in the tangent space, from a spanning tree of the pairs
    with most support (Chatterjee and Govindu, "Efficient and Robust Large-Scale Rotation
    Averaging", 2013).
    """
    R = _spanning_tree(pairs, cameras)
    placed = np.flatnonzero(np.isfinite(R[:, 0, 0]))
    column = {int(c): i - 1 for i, c in enumerate(placed)}  # the first does not move
    edges = [(a, b) for a, b in pairs if a in column and b in column]
    A = np.zeros((len(edges), len(placed)))
    for row, (a, b) in enumerate(edges):
        A[row, column[a]] -= 1.0  # column −1, that of the first, is dropped
        A[row, column[b]] += 1.0
    A = A[:, :-1]
    support = np.array([pairs[edge].support for edge in edges])
    for _ in range(_ROUNDS):
        misses = [R[b].T @ pairs[a, b].R @ R[a] for a, b in edges]
        error = Rotation.from_matrix(misses).as_rotvec() if edges else np.zeros((0, 3))
        weight = np.sqrt(support / np.maximum(np.linalg.norm(error, axis=1), _SMALL_ANGLE))[:, None]
        turn = np.linalg.lstsq(weight * A, weight * error, rcond=None)[0]
        for c, w in zip(placed[1:], turn, strict=True):
            R[c] = R[c] @ Rotation.from_rotvec(w).as_matrix()
        if not len(turn) or np.abs(turn).max() < 1e-9:
            break
    return R


def _spanning_tree(pairs: Poses, cameras: int) -> FloatArray:
    """Rotations (C, 3, 3) along the pairs of most support, over the largest connected part."""
    ranked = sorted(pairs, key=lambda pair: (-pairs[pair].support, pair))
    best = np.full((cameras, 3, 3), np.nan)
    for root in range(cameras):
        R = np.full((cameras, 3, 3), np.nan)
        R[root] = np.eye(3)
        reached = {root}
        while edge := next((e for e in ranked if (e[0] in reached) != (e[1] in reached)), None):
            a, b = edge
            if a in reached:
                R[b] = pairs[edge].R @ R[a]
            else:
                R[a] = pairs[edge].R.T @ R[b]
            reached |= {a, b}
        if np.isfinite(R[:, 0, 0]).sum() > np.isfinite(best[:, 0, 0]).sum():
            best = R
    return best


def centers(pairs: Poses, R: FloatArray) -> FloatArray:
    """Optical centres (C, 3) from the directions between cameras, at mean distance 1; NaN unknown.

    The centres whose differences lie most nearly along the measured directions: the smallest
    eigenvector of a quadratic form, reweighted for the L1 norm of the angles (a robust form of
    Govindu, "Combining Two-view Constraints for Motion Estimation", 2001).

    Args:
        pairs: relative poses.
        R: (C, 3, 3) cam_from_world.
    """
    placed = np.flatnonzero(np.isfinite(R[:, 0, 0]))
    edges = [(a, b) for a, b in pairs if a in placed and b in placed]
    found = np.full((len(R), 3), np.nan)
    if not edges:
        return found
    at = {int(c): i for i, c in enumerate(placed)}
    # Into the world by either camera: the pair and the averaged rotations differ a little.
    along = np.array([-(R[b].T + R[a].T @ pairs[a, b].R.T) @ pairs[a, b].t for a, b in edges])
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    a = np.array([at[first] for first, _ in edges])
    b = np.array([at[second] for _, second in edges])
    weight = np.ones(len(edges))
    center = np.zeros((len(placed), 3))
    for _ in range(_ROUNDS):
        center = _best_along(along, a, b, weight, len(placed))
        gap = center[b] - center[a]
        length = np.maximum(np.linalg.norm(gap, axis=1), 1e-6)
        angle = np.linalg.norm(np.cross(gap / length[:, None], along), axis=1)
        weight = 1 / (length**2 * np.maximum(angle, _SMALL_ANGLE))
    found[placed] = center
    return found


def _best_along(
    along: FloatArray,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    weight: FloatArray,
    count: int,
) -> FloatArray:
    """Centres (count, 3) of mean 0 whose differences b − a are least across `along` (E, 3)."""
    across = weight[:, None, None] * (np.eye(3) - along[:, :, None] * along[:, None, :])
    H = np.zeros((count, 3, count, 3))
    for i, j, block in zip(a, b, across, strict=True):
        H[i, :, i] += block
        H[j, :, j] += block
        H[i, :, j] -= block
        H[j, :, i] -= block
    # A shift of all centres costs nothing: made to cost more than anything else.
    common = np.zeros((count, 3, count, 3))
    for k in range(3):
        common[:, k, :, k] = np.trace(H.reshape(3 * count, -1)) / count
    _, vectors = np.linalg.eigh((H + common).reshape(3 * count, 3 * count))
    center = vectors[:, 0].reshape(count, 3)
    forward = ((center[b] - center[a]) * along).sum()
    return (
        center * np.sign(forward or 1.0) / max(float(np.linalg.norm(center, axis=1).mean()), 1e-12)
    )
