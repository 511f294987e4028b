"""Rigs of many cameras."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Camera, Intrinsics, Keypoints2D, Rig
from gentri.geometry.calibration import CalibratedViews, calibrate_views
from gentri.geometry.comparison import compare_rigs
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.pair_graph import pair_graph, pairs_to_compare
from gentri.geometry.rig_start import Joints, RigStart, start_rig
from gentri.geometry.sample import MIRROR
from gentri.geometry.two_view_solvers import relative_pose
from gentri.geometry.world import rig_in_world, world_of_person
from gentri.skeletons import COCO17

OPTIONS = CalibrationOptions(
    frames=20,
    focal_prior=1.2,
    focal_sigma=0.3,
    focal_sharing="auto",
    distortion_sigma=0.1,
    center_sigma=0.01,
    bone_sigma=0.05,
    seed=0,
)
STEP_M = 1.6  # between cameras along the corridor
THRESHOLD = 0.005


def corridor(count: int, seed: int, ticks: int = 160) -> tuple[Rig, Keypoints2D]:
    """Cameras on both sides of a corridor, 4.5 m from its middle, and a person who walks down it.

    Each looks obliquely at a few metres of it: only a camera's neighbours see the person with it.
    """
    rng = np.random.default_rng(seed)
    ring = synthetic.camera_ring(count, focal_px=1500.0)
    cameras = []
    for i, camera in enumerate(ring.cameras):
        x, side = STEP_M * i, (-1.0) ** (i // 2)
        center = (x, side * 4.5, rng.uniform(1.0, 2.6))
        pose = synthetic.look_at(center, (x + (1.8 if i % 2 else -1.8), 0.0, 0.9))
        cameras.append(replace(camera, cam_from_world=pose))
    rig = Rig(tuple(cameras), "given", 0.0)
    spot = synthetic.walk(rng, ticks=ticks)
    along = np.linspace(-1.0, STEP_M * (count - 1) + 1.0, ticks)
    shift = np.stack([along, 0 * along, 0 * along], axis=-1)
    return rig, synthetic.observe(rig, replace(spot, xyz=spot.xyz + shift[:, None]))


def hall(count: int, seed: int, ticks: int = 60) -> tuple[Rig, Keypoints2D]:
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, count)
    return rig, synthetic.observe(rig, synthetic.walk(rng, ticks=ticks))


def told(cameras: tuple[Camera, ...]) -> dict[str, Intrinsics]:
    return {c.name: Intrinsics(c.width, c.height, c.K, c.dist, "given", 0.0) for c in cameras}


def as_rig(found: CalibratedViews, keypoints: Keypoints2D) -> Rig:
    world = world_of_person(found.views, found.xyz, 1.75)
    return rig_in_world(found.views, world, keypoints.cameras, keypoints.size_px)


def rays(rig: Rig, keypoints: Keypoints2D, every: int = 1) -> np.ndarray:
    """Normalised coordinates (C, F, 12, 2), NaN where not seen."""
    K = np.stack([c.K for c in rig.cameras])
    xy = keypoints.xy_px[:, ::every][:, :, COCO17.body].astype(float)
    return (xy - K[:, None, None, :2, 2]) / K[:, None, None, [0, 1], [0, 1]]


def start(xy: np.ndarray) -> RigStart:
    weight = np.isfinite(xy).all(-1).astype(float)
    found = start_rig(Joints(xy, weight, THRESHOLD, MIRROR, seed=0), relative_pose)
    assert found is not None
    return found


def rotation_errors_deg(found: RigStart, truth: Rig) -> np.ndarray:
    from gentri.geometry.comparison import rotation_angle

    R = np.stack([c.cam_from_world.R for c in truth.cameras])
    return np.degrees(
        [
            rotation_angle((found.R[b] @ found.R[a].T).T @ R[b] @ R[a].T)
            for a in range(len(R))
            for b in range(a)
        ]
    )


def test_cameras_of_a_corridor_see_only_their_neighbours() -> None:
    """What the tests below assume."""
    rig, keypoints = corridor(16, 0)
    seen = np.isfinite(rays(rig, keypoints, every=3)[..., 0])
    pairs = pairs_to_compare(seen, 0)
    assert max(b - a for a, b in pairs) <= 7
    assert not (seen[0] & seen[8:]).any()


def test_a_chain_of_overlaps_is_placed() -> None:
    """16 cameras over 24 m: the ends have never seen the same."""
    rig, keypoints = corridor(16, 0)
    found = start(rays(rig, keypoints, every=3))
    assert found.placed.all()
    assert rotation_errors_deg(found, rig).max() < 0.1
    assert found.cost < 0.02


def test_a_chain_of_overlaps_is_calibrated() -> None:
    rig, keypoints = corridor(16, 1)
    found = calibrate_views([keypoints], replace(OPTIONS, frames=50), told(rig.cameras))
    error = compare_rigs(as_rig(found, keypoints), rig)
    assert error.rotation_deg.max() < 0.02
    assert error.center_mm.max() < 10.0


def test_a_chain_of_overlaps_with_unknown_lenses() -> None:
    rig, keypoints = corridor(8, 2, ticks=90)
    found = calibrate_views([keypoints], replace(OPTIONS, frames=32))
    error = compare_rigs(as_rig(found, keypoints), rig)
    assert error.rotation_deg.max() < 0.1
    assert error.focal_percent.max() < 0.5


@pytest.mark.slow
def test_sixteen_cameras_around_a_hall() -> None:
    rig, exact = hall(16, 3)
    noisy = synthetic.degrade(exact, np.random.default_rng(3), noise_px=3.0, outliers=0.05)
    found = calibrate_views([noisy], replace(OPTIONS, frames=12))
    error = compare_rigs(as_rig(found, noisy), rig)
    assert np.median(error.rotation_deg) < 0.3
    assert error.rotation_deg.max() < 1.0
    assert error.focal_percent.mean() < 2.0


def test_thirty_cameras_are_placed_from_a_few_frames() -> None:
    rig, exact = hall(30, 4)
    noisy = rays(rig, exact, every=5)
    noisy = noisy + np.random.default_rng(4).normal(0, 0.002, noisy.shape)
    found = start(noisy)
    assert found.placed.all()
    assert np.median(rotation_errors_deg(found, rig)) < 0.5
    assert rotation_errors_deg(found, rig).max() < 3.0


@pytest.mark.slow
def test_thirty_cameras_around_a_hall() -> None:
    rig, exact = hall(30, 5)
    noisy = synthetic.degrade(exact, np.random.default_rng(5), noise_px=3.0)
    found = calibrate_views([noisy], OPTIONS)
    error = compare_rigs(as_rig(found, noisy), rig)
    assert np.median(error.rotation_deg) < 0.3
    assert error.focal_percent.mean() < 2.0


def permuted(keypoints: Keypoints2D, order: list[int]) -> Keypoints2D:
    return Keypoints2D(
        keypoints.xy_px[order],
        keypoints.score[order],
        keypoints.time_s,
        tuple(keypoints.cameras[c] for c in order),
        keypoints.size_px[order],
        keypoints.skeleton,
    )


def test_the_order_of_many_cameras_does_not_matter_for_the_start() -> None:
    """Other pairs are compared, and the same rig comes out."""
    rig, keypoints = hall(12, 6)
    order = [int(c) for c in np.random.default_rng(6).permutation(12)]
    xy = rays(rig, keypoints, every=2)
    a, b = start(xy), start(xy[order])
    moved = b.R @ b.R[order.index(0)].T
    np.testing.assert_allclose(moved, a.R[order] @ a.R[0].T, atol=1e-4)
    center = [-np.einsum("cji,cj->ci", s.R, s.t) for s in (a, b)]
    gaps = [np.linalg.norm(c[:, None] - c[None], axis=-1) for c in center]
    first = gaps[0][np.ix_(order, order)]
    np.testing.assert_allclose(gaps[1] / gaps[1].mean(), first / first.mean(), atol=1e-3)


def test_the_order_of_cameras_does_not_matter_for_a_rig() -> None:
    rig, exact = hall(5, 7)
    noisy = synthetic.degrade(exact, np.random.default_rng(7), noise_px=3.0, outliers=0.05)
    order = [3, 0, 4, 2, 1]
    few = replace(OPTIONS, frames=15)
    a = calibrate_views([noisy], few)
    b = calibrate_views([permuted(noisy, order)], few)
    assert b.cameras == tuple(a.cameras[c] for c in order)
    assert b.lens == a.lens
    other = as_rig(b, permuted(noisy, order)).select(rig.names)
    error = compare_rigs(other, as_rig(a, noisy))
    assert error.rotation_deg.max() < 0.1
    assert error.focal_percent.max() < 0.3


def test_the_same_cameras_give_the_same_bytes() -> None:
    """Nine: so many that pairs are drawn by chance."""
    rig, exact = hall(9, 8, ticks=30)
    noisy = synthetic.degrade(exact, np.random.default_rng(8), noise_px=3.0, outliers=0.05)
    few = replace(OPTIONS, frames=10)
    known = told(rig.cameras[::2])
    a, b = (calibrate_views([noisy], few, known) for _ in range(2))
    for name in ("R", "t", "focal", "center", "k"):
        assert getattr(a.views, name).tobytes() == getattr(b.views, name).tobytes()
    assert a.xyz.tobytes() == b.xyz.tobytes()
    assert a.residual_px.tobytes() == b.residual_px.tobytes()


def test_another_seed_draws_other_pairs_and_finds_the_same_rig() -> None:
    rig, keypoints = hall(12, 9)
    xy = rays(rig, keypoints, every=3)
    weight = np.ones(xy.shape[:3])
    graphs = [pair_graph(xy, weight, THRESHOLD, MIRROR, seed, relative_pose) for seed in (0, 1)]
    assert set(graphs[0]) != set(graphs[1])
    starts = [
        start_rig(Joints(xy, weight, THRESHOLD, MIRROR, seed), relative_pose) for seed in (0, 1)
    ]
    for found in starts:
        assert found is not None
        assert rotation_errors_deg(found, rig).max() < 0.01
