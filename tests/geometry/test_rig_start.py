"""A first rig, grown from pairs of views."""

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Rig
from gentri.geometry.comparison import compare_rigs, rotation_angle
from gentri.geometry.pair_graph import pair_graph
from gentri.geometry.projection import Views
from gentri.geometry.rig_start import Joints, RigStart, start_rig
from gentri.geometry.sample import MIRROR
from gentri.geometry.two_view_solvers import relative_pose
from gentri.geometry.world import World, rig_in_world
from gentri.skeletons import COCO17

THRESHOLD = 0.005


def rays(rig: Rig, xyz: np.ndarray) -> np.ndarray:
    """Exact normalised image coordinates (C, F, 12, 2) of body joints (F, 12, 3) in metres."""
    p = np.stack([c.cam_from_world.apply(xyz) for c in rig.cameras])
    return p[..., :2] / p[..., 2:]


def scene(seed: int, count: int = 4) -> tuple[Rig, np.ndarray, np.ndarray]:
    """A rig, the body joints of a walker (F, 12, 3), and their exact image coordinates."""
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, count)
    xyz = synthetic.walk(rng, ticks=60).xyz[:, COCO17.body]
    return rig, xyz, rays(rig, xyz)


def joints(xy: np.ndarray) -> Joints:
    return Joints(xy, np.isfinite(xy).all(-1).astype(float), THRESHOLD, MIRROR, seed=0)


def start(xy: np.ndarray) -> RigStart:
    found = start_rig(joints(xy), relative_pose)
    assert found is not None
    return found


def as_rig(found: RigStart, truth: Rig) -> Rig:
    """The placed cameras with the intrinsics of the truth."""
    names = tuple(c.name for c, placed in zip(truth.cameras, found.placed, strict=True) if placed)
    count = len(names)
    views = Views(
        found.R[found.placed],
        found.t[found.placed],
        np.full(count, truth.cameras[0].K[0, 0]),
        np.tile(truth.cameras[0].K[:2, 2], (count, 1)),
        np.zeros((count, 2)),
    )
    size = np.array([[c.width, c.height] for c in truth.cameras[:count]], dtype=np.int32)
    return rig_in_world(views, World(np.eye(3), np.zeros(3), 1.0, "given", 0.0), names, size)


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_exact_joints_place_every_camera(count: int) -> None:
    rig, xyz, xy = scene(count, count)
    found = start(xy)
    assert found.placed.all()
    error = compare_rigs(as_rig(found, rig), rig)
    assert error.rotation_deg.max() < 1e-3
    assert error.center_mm.max() < 0.5
    assert not found.swapped.any()
    assert found.cost < 1e-3
    middle = xyz.mean(axis=(0, 1))
    ratio = np.linalg.norm(found.xyz - found.xyz.mean(axis=(0, 1)), axis=-1)
    ratio /= np.linalg.norm(xyz - middle, axis=-1)
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-3)


def test_a_camera_that_shares_nothing_stays_unplaced() -> None:
    rig, _, xy = scene(10)
    xy[2, :50], xy[[0, 1, 3], 50:] = np.nan, np.nan  # cam2 sees the last frames alone
    found = start(xy)
    assert found.placed.tolist() == [True, True, False, True]
    assert np.isnan(found.R[2]).all()
    error = compare_rigs(as_rig(found, rig), rig.select(("cam0", "cam1", "cam3")))
    assert error.rotation_deg.max() < 1e-3
    assert np.isnan(found.xyz[50:]).all()


def test_a_camera_with_too_few_joints_for_a_resection_stays_unplaced() -> None:
    _, _, xy = scene(11)
    xy[1, :, 1:], xy[1, 11:] = np.nan, np.nan  # eleven joints
    assert start(xy).placed.tolist() == [True, False, True, True]


def test_without_any_pair_there_is_no_rig() -> None:
    _, _, xy = scene(12, 3)
    for c in range(3):
        xy[c, np.arange(60) % 3 != c] = np.nan
    assert start_rig(joints(xy), relative_pose) is None


def test_two_cameras_side_by_side_do_not_spoil_the_start() -> None:
    """cam0 and cam1 agree on every joint but see no depth: another pair has to be the seed."""
    apart = synthetic.camera_ring(3, start_deg=0.0, height_m=(1.2, 2.0, 1.6))
    near = synthetic.camera_ring(1, start_deg=0.3, height_m=1.2).cameras[0]
    cameras = (apart.cameras[0], near, *apart.cameras[1:])
    rig = Rig(cameras, "given", 0.0)
    rng = np.random.default_rng(13)
    xyz = synthetic.walk(rng, ticks=80).xyz[:, COCO17.body]
    xy = rays(rig, xyz)
    noisy = xy + rng.normal(0, 0.002, xy.shape)
    weight = np.ones(noisy.shape[:-1])
    pose = pair_graph(noisy, weight, THRESHOLD, MIRROR, 0, relative_pose)[0, 1].pose
    assert pose.inlier.mean() > 0.9  # nothing in the pair itself says that it is useless
    found = start(noisy)
    assert found.placed.all()
    # Between cameras that are 26 mm apart only the rotation means anything.
    for c, camera in enumerate(cameras):
        expected = camera.cam_from_world.R @ cameras[0].cam_from_world.R.T
        assert np.degrees(rotation_angle((found.R[c] @ found.R[0].T).T @ expected)) < 1.0


def test_exchanged_sides_are_undone() -> None:
    rig, _, xy = scene(14)
    rng = np.random.default_rng(14)
    swapped = rng.uniform(size=xy.shape[:2]) < 0.1
    xy = np.where(swapped[..., None, None], xy[:, :, MIRROR], xy)
    found = start(xy)
    error = compare_rigs(as_rig(found, rig), rig)
    assert error.rotation_deg.max() < 0.5
    # Sides are relative: what matters is that all views of a frame agree on them.
    label = found.swapped ^ swapped
    assert (label == label[0]).all(axis=0).mean() > 0.9


def test_the_same_seed_gives_the_same_rig() -> None:
    _, _, xy = scene(15)
    noisy = xy + np.random.default_rng(15).normal(0, 0.003, xy.shape)
    a, b = start(noisy), start(noisy)
    np.testing.assert_array_equal(a.R, b.R)
    np.testing.assert_array_equal(a.xyz, b.xyz)
    assert a.cost == b.cost
