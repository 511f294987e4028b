"""Poses of all cameras at once from the poses of pairs."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri.geometry.comparison import rotation_angle, similarity
from gentri.geometry.epipolar import RelativePose
from gentri.geometry.global_start import averaged_rotations, centers, closing, global_poses

Pairs = dict[tuple[int, int], RelativePose]


def cameras(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random rotations cam_from_world (C, 3, 3) and centres (C, 3) in general position."""
    rng = np.random.default_rng(seed)
    return Rotation.random(count, random_state=seed).as_matrix(), rng.normal(0, 3, (count, 3))


def pose(R: np.ndarray, t: np.ndarray, inliers: int = 100) -> RelativePose:
    return RelativePose(R, t / np.linalg.norm(t), np.ones(inliers, dtype=bool), 1.0)


def exact(R: np.ndarray, center: np.ndarray, edges: Iterable[tuple[int, int]]) -> Pairs:
    return {(a, b): pose(R[b] @ R[a].T, R[b] @ (center[a] - center[b])) for a, b in edges}


def complete(count: int) -> list[tuple[int, int]]:
    return list(combinations(range(count), 2))


def turned(pairs: Pairs, edge: tuple[int, int], degrees: float, inliers: int = 100) -> Pairs:
    """The same pairs, one of them wrong by a rotation about an oblique axis."""
    wrong = Rotation.from_rotvec(np.radians(degrees) * np.array([0.6, 0.0, 0.8])).as_matrix()
    return pairs | {edge: pose(wrong @ pairs[edge].R, wrong @ pairs[edge].t, inliers)}


def worst_rotation_deg(R: np.ndarray, truth: np.ndarray) -> float:
    """Largest error of a relative rotation over all pairs."""
    return max(
        np.degrees(rotation_angle((R[b] @ R[a].T).T @ truth[b] @ truth[a].T))
        for a, b in complete(len(R))
    )


def center_errors(R: np.ndarray, t: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distances (C,) of the centres from the true ones after the best similarity."""
    found = -np.einsum("cji,cj->ci", R, t)
    scale, turn, shift = similarity(found, truth)
    return np.linalg.norm(scale * found @ turn.T + shift - truth, axis=-1)


@pytest.mark.parametrize("count", [3, 4, 7, 12])
def test_exact_pairs_give_exact_cameras(count: int) -> None:
    R, center = cameras(count, count)
    found, t = global_poses(exact(R, center, complete(count)), count)
    assert worst_rotation_deg(found, R) < 1e-9
    assert center_errors(found, t, center).max() < 1e-9
    # In front is in front: the centres are not mirrored about their middle.
    scale, _, _ = similarity(-np.einsum("cji,cj->ci", found, t), center)
    assert scale > 0


def test_two_cameras_are_a_direction() -> None:
    R, center = cameras(1, 2)
    pairs = exact(R, center, [(0, 1)])
    found, t = global_poses(pairs, 2)
    np.testing.assert_allclose(found[1] @ found[0].T, pairs[0, 1].R, atol=1e-12)
    along = t[1] - found[1] @ found[0].T @ t[0]
    np.testing.assert_allclose(along / np.linalg.norm(along), pairs[0, 1].t, atol=1e-12)


def test_a_ring_of_neighbours_and_next_neighbours_is_exact() -> None:
    """No camera is compared with more than four of ten."""
    R, center = cameras(2, 10)
    edges = [tuple(sorted((a, (a + d) % 10))) for a in range(10) for d in (1, 2)]
    found, t = global_poses(exact(R, center, edges), 10)
    assert worst_rotation_deg(found, R) < 1e-9
    assert center_errors(found, t, center).max() < 1e-9


@pytest.mark.parametrize("wrong_at", [(0, 1), (2, 5)])
def test_a_wrong_pair_is_voted_out_by_its_loops(wrong_at: tuple[int, int]) -> None:
    R, center = cameras(3, 6)
    pairs = turned(exact(R, center, complete(6)), wrong_at, 40.0, inliers=1000)
    assert set(closing(pairs)) == set(pairs) - {wrong_at}
    found, t = global_poses(pairs, 6)
    assert worst_rotation_deg(found, R) < 1e-9
    assert center_errors(found, t, center).max() < 1e-9


def test_pairs_that_are_off_by_noise_keep_their_vote() -> None:
    R, center = cameras(4, 6)
    pairs = exact(R, center, complete(6))
    for i, edge in enumerate(pairs):
        pairs = turned(pairs, edge, 2.0 if i % 2 else -2.0)
    assert set(closing(pairs)) == set(pairs)


def test_a_pair_in_no_loop_keeps_its_place() -> None:
    R, center = cameras(5, 4)
    pairs = exact(R, center, [(0, 1), (0, 2), (1, 2), (2, 3)])
    assert set(closing(pairs)) == set(pairs)


def test_a_wrong_pair_hardly_pulls_the_average() -> None:
    """Sums of squares would give a sixth of its 40° to either camera; sums of angles do not."""
    R, center = cameras(6, 6)
    pairs = turned(exact(R, center, complete(6)), (1, 4), 40.0)
    assert worst_rotation_deg(averaged_rotations(pairs, 6), R) < 0.1


def test_a_wrong_pair_with_most_support_hardly_pulls_the_average() -> None:
    """The spanning tree starts with it."""
    R, center = cameras(6, 6)
    pairs = turned(exact(R, center, complete(6)), (1, 4), 40.0, inliers=150)
    assert worst_rotation_deg(averaged_rotations(pairs, 6), R) < 0.1


def test_averaging_is_better_than_a_path_of_pairs() -> None:
    """Noise of 1° in every pair of eight cameras: the average is nearer to the truth."""
    errors = []
    for seed in range(5):
        R, center = cameras(10 + seed, 8)
        rng = np.random.default_rng(seed)
        pairs = exact(R, center, complete(8))
        noise = Rotation.from_rotvec(np.radians(rng.normal(0, 1, (len(pairs), 3)))).as_matrix()
        noisy = {e: pose(N @ pairs[e].R, pairs[e].t) for e, N in zip(pairs, noise, strict=True)}
        tree = {e: noisy[e] for e in noisy if e[1] == e[0] + 1}
        errors.append(
            [worst_rotation_deg(averaged_rotations(p, 8), R) for p in (noisy, tree)],
        )
    average, path = np.median(errors, axis=0)
    assert average < 0.6 * path


def test_centres_with_a_wrong_direction() -> None:
    R, center = cameras(7, 6)
    pairs = exact(R, center, complete(6))
    sideways = np.cross(pairs[0, 3].t, [0.3, 0.5, 0.8])
    found = centers(pairs | {(0, 3): pose(pairs[0, 3].R, sideways)}, R)
    scale, turn, shift = similarity(found, center)
    error = np.linalg.norm(scale * found @ turn.T + shift - center, axis=-1)
    size = np.linalg.norm(center - center.mean(axis=0), axis=-1).mean()
    assert error.max() < 0.01 * size
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1).mean(), 1.0)


def test_the_smaller_part_of_a_broken_graph_has_no_poses() -> None:
    R, center = cameras(8, 6)
    edges = [(1, 2), (1, 4), (2, 4), (2, 5), (4, 5), (1, 5), (0, 3)]
    found, t = global_poses(exact(R, center, edges), 6)
    here = [1, 2, 4, 5]
    assert np.isnan(found[[0, 3]]).all()
    assert np.isnan(t[[0, 3]]).all()
    assert worst_rotation_deg(found[here], R[here]) < 1e-9
    assert center_errors(found[here], t[here], center[here]).max() < 1e-9


def test_a_camera_whose_loops_do_not_close_stays_in_the_rig() -> None:
    """Better a doubtful pose than none: wrong focal lengths close no loop at all."""
    R, center = cameras(9, 4)
    pairs = exact(R, center, complete(4))
    for edge, degrees in (((0, 3), 30.0), ((1, 3), -50.0), ((2, 3), 80.0)):
        pairs = turned(pairs, edge, degrees)
    assert not any(3 in edge for edge in closing(pairs))
    found, t = global_poses(pairs, 4)
    assert np.isfinite(found).all()
    assert np.isfinite(t).all()
    assert worst_rotation_deg(found[:3], R[:3]) < 20.0


def renumbered(pairs: Pairs, order: np.ndarray) -> Pairs:
    """The same pairs when new number i is old camera order[i]."""
    new = {int(old): i for i, old in enumerate(order)}
    other: Pairs = {}
    for (a, b), p in pairs.items():
        if new[a] < new[b]:
            other[new[a], new[b]] = p
        else:
            other[new[b], new[a]] = RelativePose(p.R.T, -p.R.T @ p.t, p.inlier, p.in_front)
    return other


ORDER = np.array([4, 2, 0, 5, 1, 3])


def test_the_order_of_the_cameras_does_not_matter() -> None:
    """Noisy rotations, one pair wrong: the same rig whatever the numbers of its cameras."""
    R, center = cameras(10, 6)
    rng = np.random.default_rng(0)
    pairs = exact(R, center, complete(6))
    for i, edge in enumerate(pairs):
        pairs = turned(pairs, edge, rng.normal(), inliers=100 + i)
    pairs = turned(pairs, (1, 2), 40.0)
    found, t = global_poses(pairs, 6)
    other, other_t = global_poses(renumbered(pairs, ORDER), 6)
    assert worst_rotation_deg(other, found[ORDER]) < 0.01
    center_found = -np.einsum("cji,cj->ci", found, t)
    assert center_errors(other, other_t, center_found[ORDER]).max() < 1e-3


def test_the_order_of_the_cameras_does_not_matter_for_centres() -> None:
    """Exact rotations and noisy directions: the same centres whatever their numbers."""
    R, center = cameras(10, 6)
    rng = np.random.default_rng(1)
    pairs = exact(R, center, complete(6))
    noisy = {e: pose(p.R, p.t + rng.normal(0, 0.02, 3)) for e, p in pairs.items()}
    found = centers(noisy, R)
    other = centers(renumbered(noisy, ORDER), R[ORDER])
    np.testing.assert_allclose(other, found[ORDER], atol=1e-6)


def test_rotations_are_rotations() -> None:
    R, center = cameras(11, 5)
    pairs = turned(exact(R, center, complete(5)), (0, 4), 5.0)
    found = averaged_rotations(pairs, 5)
    np.testing.assert_allclose(
        found @ np.swapaxes(found, -1, -2), np.tile(np.eye(3), (5, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(found), 1.0)
