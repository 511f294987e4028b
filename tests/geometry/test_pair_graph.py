"""Which pairs of cameras are compared, and what they say of each other."""

from collections import Counter

import numpy as np
import pytest

from gentri import synthetic
from gentri.geometry.comparison import rotation_angle
from gentri.geometry.pair_graph import pair_graph, pairs_to_compare
from gentri.geometry.sample import MIRROR
from gentri.geometry.two_view_solvers import relative_pose
from gentri.skeletons import COCO17

LEAST = 40  # joints that both cameras see


def degrees_of(pairs: list[tuple[int, int]], cameras: int) -> list[int]:
    count = Counter(c for pair in pairs for c in pair)
    return [count[c] for c in range(cameras)]


def parts(pairs: list[tuple[int, int]], cameras: int) -> int:
    """Connected parts of a graph of cameras."""
    group = list(range(cameras))
    for a, b in pairs:
        group = [group[a] if g == group[b] else g for g in group]
    return len(set(group))


@pytest.mark.parametrize("cameras", [2, 5, 8])
def test_few_cameras_are_all_compared(cameras: int) -> None:
    pairs = pairs_to_compare(np.ones((cameras, 10, 12), dtype=bool), 0)
    assert len(pairs) == len(set(pairs)) == cameras * (cameras - 1) // 2
    assert all(a < b for a, b in pairs)


def test_forty_common_joints_are_needed() -> None:
    """cam0 and cam1 share 40 joints; cam2 shares 39 with either."""
    seen = np.zeros((3, 10, 12), dtype=bool)
    seen[:, :3] = True
    seen[:2, 3, :4] = True
    seen[2, 3, :3] = True
    assert seen[0].sum() == LEAST
    assert pairs_to_compare(seen, 0) == [(0, 1)]


def test_pairs_with_most_in_common_come_first() -> None:
    seen = np.zeros((3, 40, 12), dtype=bool)
    seen[0] = seen[2] = True
    seen[1, :10] = True
    assert pairs_to_compare(seen, 0)[0] == (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_thirty_cameras_that_see_the_same_are_compared_about_six_times_each(seed: int) -> None:
    pairs = pairs_to_compare(np.ones((30, 10, 12), dtype=bool), seed)
    assert len(pairs) == len(set(pairs))
    assert parts(pairs, 30) == 1
    degree = degrees_of(pairs, 30)
    # A branch of the spanning tree may take more than its share; the rest is filled up to six.
    assert np.median(degree) == 6
    assert max(degree) <= 10
    assert min(degree) >= 3
    assert len(pairs) <= 30 * 6 / 2 + 5


def test_a_chain_of_many_cameras_stays_connected() -> None:
    """20 cameras along a corridor: each shares frames with its two neighbours on either side."""
    seen = np.zeros((20, 110, 12), dtype=bool)
    for c in range(20):
        seen[c, 5 * c : 5 * c + 15] = True
    pairs = pairs_to_compare(seen, 3)
    assert parts(pairs, 20) == 1
    assert {b - a for a, b in pairs} == {1, 2}


def test_many_cameras_in_two_halls_stay_two_groups() -> None:
    seen = np.zeros((20, 40, 12), dtype=bool)
    seen[::2, :20], seen[1::2, 20:] = True, True
    pairs = pairs_to_compare(seen, 0)
    assert parts(pairs, 20) == 2
    assert all((b - a) % 2 == 0 for a, b in pairs)


def test_pairs_below_the_least_are_never_compared_among_many() -> None:
    rng = np.random.default_rng(0)
    seen = rng.uniform(size=(24, 60, 12)) < rng.uniform(0.02, 0.6, (24, 1, 1))
    common = np.einsum("afj,bfj->ab", seen.astype(int), seen.astype(int))
    pairs = pairs_to_compare(seen, 1)
    few = [(a, b) for a in range(24) for b in range(a + 1, 24) if common[a, b] < LEAST]
    assert len(few) > 10
    assert not set(few) & set(pairs)
    every = [(a, b) for a in range(24) for b in range(a + 1, 24) if common[a, b] >= LEAST]
    assert parts(pairs, 24) == parts(every, 24)  # nothing that is connected falls apart


def test_the_seed_decides() -> None:
    seen = np.ones((30, 10, 12), dtype=bool)
    assert pairs_to_compare(seen, 4) == pairs_to_compare(seen, 4)
    assert pairs_to_compare(seen, 4) != pairs_to_compare(seen, 5)


def test_exact_joints_give_exact_pairs_and_the_exchanged_frames() -> None:
    rng = np.random.default_rng(2)
    rig = synthetic.random_ring(rng, 3)
    xyz = synthetic.walk(rng, ticks=40).xyz[:, COCO17.body]
    p = np.stack([c.cam_from_world.apply(xyz) for c in rig.cameras])
    xy = p[..., :2] / p[..., 2:]
    exchanged = np.zeros(40, dtype=bool)
    exchanged[[3, 17, 18]] = True
    xy[1, exchanged] = xy[1, exchanged][:, MIRROR]
    graph = pair_graph(xy, np.ones(xy.shape[:3]), 0.005, MIRROR, 0, relative_pose)
    assert sorted(graph) == [(0, 1), (0, 2), (1, 2)]
    for (a, b), pair in graph.items():
        first, second = (rig.cameras[c].cam_from_world for c in (a, b))
        truth = second @ first.inverse()
        assert np.degrees(rotation_angle(pair.pose.R.T @ truth.R)) < 1e-5
        np.testing.assert_allclose(pair.pose.t, truth.t / np.linalg.norm(truth.t), atol=1e-6)
        expected = exchanged if 1 in (a, b) else np.zeros(40, dtype=bool)
        # In a frame that fits both ways nothing can be seen of the exchange.
        assert (pair.swapped == expected).mean() >= 0.95
        assert not (pair.swapped & ~expected).any()


def test_a_pair_without_a_pose_is_left_out() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform(-0.3, 0.3, (2, 20, 12, 2))  # nothing agrees with anything
    assert not pair_graph(xy, np.ones(xy.shape[:3]), 1e-9, MIRROR, 0, relative_pose)
