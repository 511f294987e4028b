"""Metres, floor and axes of the world, and that placing a rig in it changes no pixel."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri import synthetic
from gentri.data import Rig
from gentri.errors import CalibrationError
from gentri.geometry.cameras import project
from gentri.geometry.projection import Views, project_views
from gentri.geometry.scale import LEGS_AND_TRUNK, POPULATION_STATURE_M, legs_and_trunk
from gentri.geometry.world import ANKLE_HEIGHT, rig_in_world, world_of_person
from gentri.skeletons import BODY_JOINTS, COCO17

SIZE_PX = np.array([[1920, 1080]] * 4, dtype=np.int32)


def rig_frame(rig: Rig, xyz: np.ndarray, scale: float = 0.2) -> tuple[Views, np.ndarray]:
    """Cameras and joints in the frame of the first camera, so many units to the metre."""
    first = rig.cameras[0].cam_from_world
    poses = [c.cam_from_world @ first.inverse() for c in rig.cameras]
    views = Views(
        R=np.stack([p.R for p in poses]),
        t=scale * np.stack([p.t for p in poses]),
        focal=np.array([c.K[0, 0] for c in rig.cameras]),
        center=np.stack([c.K[:2, 2] for c in rig.cameras]),
        k=np.tile([-0.1, 0.02], (len(poses), 1)),
    )
    return views, scale * first.apply(xyz)


def scene(seed: int) -> tuple[Rig, synthetic.Walk, np.ndarray]:
    """A ring, a walk, and its body joints (F, 12, 3) in metres."""
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng)
    walk = synthetic.walk(rng, ticks=150, stature_m=rng.uniform(1.5, 1.95))
    return rig, walk, walk.xyz[:, COCO17.body]


@pytest.mark.parametrize("seed", range(4))
def test_the_world_of_an_exact_walk(seed: int) -> None:
    rig, walk, xyz = scene(seed)
    views, seen = rig_frame(rig, xyz)
    # The proportions of this body, so that nothing but the geometry is in question.
    stature = legs_and_trunk(xyz) / LEGS_AND_TRUNK
    world = world_of_person(views, seen, stature)
    assert world.scale == pytest.approx(5.0, rel=1e-9)
    assert world.scale_source == "stature given"
    found = world.apply(seen)
    floor = (ANKLE_HEIGHT * walk.stature_m, ANKLE_HEIGHT * stature)
    np.testing.assert_allclose(found[..., 2] - floor[1], xyz[..., 2] - floor[0], atol=0.04)
    hips = found[:, [BODY_JOINTS.index(f"{s}_hip") for s in ("left", "right")]]
    np.testing.assert_allclose(np.median(hips, axis=(0, 1))[:2], 0, atol=1e-9)


def test_an_unknown_stature_is_the_population_s() -> None:
    rig, _, xyz = scene(5)
    views, seen = rig_frame(rig, xyz)
    world = world_of_person(views, seen, None)
    assert world.scale_source == "population prior"
    assert legs_and_trunk(world.apply(seen)) / LEGS_AND_TRUNK == pytest.approx(POPULATION_STATURE_M)
    assert world.scale_sigma > world_of_person(views, seen, 1.7).scale_sigma


def test_the_world_is_right_handed_with_the_first_camera_looking_along_y() -> None:
    rig, _, xyz = scene(6)
    views, seen = rig_frame(rig, xyz)
    world = world_of_person(views, seen, 1.7)
    np.testing.assert_allclose(world.R @ world.R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(world.R) == pytest.approx(1.0)
    look = world.R @ views.R[0, 2]
    assert look[0] == pytest.approx(0.0, abs=1e-12)
    assert look[1] > 0


def test_a_first_camera_that_looks_straight_down() -> None:
    rig, _, xyz = scene(7)
    above = rig.cameras[0]
    down = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
    pose = replace(above.cam_from_world, R=down, t=-down @ np.array([0.0, 0.0, 5.0]))
    rig = replace(rig, cameras=(replace(above, cam_from_world=pose), *rig.cameras[1:]))
    views, seen = rig_frame(rig, xyz)
    world = world_of_person(views, seen, 1.7)
    np.testing.assert_allclose(world.R @ world.R.T, np.eye(3), atol=1e-9)
    up = world.R @ down @ np.array([0.0, 0.0, 1.0])
    assert np.degrees(np.arccos(np.clip(up[2], -1, 1))) < 1.0


def test_parallel_cameras_side_by_side() -> None:
    """A row of cameras fixes no pitch: body and footholds do."""
    shift = np.array([[-1.5, 0, 0], [-0.5, 0, 0], [0.5, 0, 0], [1.5, 0, 0]])
    center = np.array([0.0, -5.0, 1.5]) + shift
    poses = [synthetic.look_at(c, c + np.array([0.0, 1.0, -0.1])) for c in center]
    ring, _, xyz = scene(8)
    cameras = zip(ring.cameras, poses, strict=True)
    rig = replace(ring, cameras=tuple(replace(c, cam_from_world=p) for c, p in cameras))
    views, seen = rig_frame(rig, xyz)
    world = world_of_person(views, seen, 1.7)
    up = world.R @ rig.cameras[0].cam_from_world.R[:, 2]
    assert np.degrees(np.arccos(np.clip(up[2], -1, 1))) < 1.0


@pytest.mark.parametrize("seed", range(3))
def test_placing_the_rig_in_the_world_changes_no_pixel(seed: int) -> None:
    rig, _, xyz = scene(seed)
    views, seen = rig_frame(rig, xyz)
    turn = Rotation.from_rotvec([0.1, 0.2, 0.3]).as_matrix()
    world = world_of_person(replace(views, R=turn @ views.R), seen, 1.7)
    placed = rig_in_world(views, world, rig.names, SIZE_PX)
    before, _ = project_views(views, seen)
    for camera, expected in zip(placed.cameras, before, strict=True):
        np.testing.assert_allclose(project(camera, world.apply(seen)), expected, atol=1e-9)
    assert placed.names == rig.names
    assert {(c.width, c.height) for c in placed.cameras} == {(1920, 1080)}
    assert {c.intrinsics_source for c in placed.cameras} == {"estimated"}


def without(xyz: np.ndarray, *parts: str) -> np.ndarray:
    hidden = xyz.copy()
    hidden[:, [BODY_JOINTS.index(f"{s}_{p}") for s in ("left", "right") for p in parts]] = np.nan
    return hidden


def test_a_person_whose_trunk_was_never_seen_is_refused() -> None:
    rig, _, xyz = scene(9)
    views, seen = rig_frame(rig, xyz)
    with pytest.raises(CalibrationError, match="size of the person is unknown"):
        world_of_person(views, without(seen, "hip"), 1.7)


@pytest.mark.parametrize("seed", range(3))
def test_a_person_whose_legs_were_never_seen_has_a_world_without_a_floor(seed: int) -> None:
    rig, _, xyz = scene(seed)
    views, seen = rig_frame(rig, xyz)
    upper = without(seen, "knee", "ankle")
    world = world_of_person(views, upper, 1.7)
    up = world.R @ rig.cameras[0].cam_from_world.R[:, 2]
    assert np.degrees(np.arccos(np.clip(up[2], -1, 1))) < 3.0
    assert np.nanquantile(world.apply(upper)[..., 2], 0.05) == pytest.approx(0.0, abs=1e-9)
    assert world.scale == pytest.approx(world_of_person(views, seen, 1.7).scale, rel=0.08)


def test_one_leg_is_enough_for_the_size() -> None:
    _, _, xyz = scene(10)
    whole = legs_and_trunk(xyz)
    xyz[:, BODY_JOINTS.index("left_knee")] = np.nan
    assert legs_and_trunk(xyz) == pytest.approx(whole, rel=1e-9)
