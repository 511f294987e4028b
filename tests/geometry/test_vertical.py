"""Up from bodies, cameras and feet, each of which may mislead."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri import synthetic
from gentri.errors import CalibrationError
from gentri.geometry.vertical import has_feet, vertical
from gentri.skeletons import BODY_JOINTS, COCO17

UP = np.array([0.0, 0.0, 1.0])
NO_CAMERAS = np.empty((0, 3))


def tilt_deg(found: np.ndarray) -> float:
    assert np.linalg.norm(found) == pytest.approx(1.0)
    return float(np.degrees(np.arccos(np.clip(found @ UP, -1, 1))))


def walker(seed: int, on_the_spot: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return synthetic.walk(rng, ticks=150, on_the_spot=on_the_spot).xyz[:, COCO17.body]


def image_right(seed: int, roll_deg: float) -> np.ndarray:
    """Horizontal image axes (4, 3) of a ring whose cameras are rolled by a normal error."""
    rng = np.random.default_rng(seed)
    R = np.stack([c.cam_from_world.R for c in synthetic.random_ring(rng).cameras])
    roll = Rotation.from_euler("z", roll_deg * rng.normal(size=(4, 1)), degrees=True)
    return (roll.as_matrix() @ R)[:, 0]


def leaning(xyz: np.ndarray, angle_deg: float) -> np.ndarray:
    """Each frame of (F, 12, 3) turned about the world's x axis, ankles kept at their places."""
    ankles = [BODY_JOINTS.index(f"{side}_ankle") for side in ("left", "right")]
    pivot = xyz[:, ankles].mean(axis=1, keepdims=True)
    R = Rotation.from_euler("x", angle_deg, degrees=True).as_matrix()
    leant = (xyz - pivot) @ R.T + pivot
    leant[:, ankles] = xyz[:, ankles]
    return leant


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("on_the_spot", [False, True])
def test_level_cameras_and_an_upright_person(seed: int, on_the_spot: bool) -> None:
    found = vertical(image_right(seed, 0.0), walker(seed, on_the_spot))
    assert tilt_deg(found) < 2.0


@pytest.mark.parametrize("seed", range(4))
def test_rolled_cameras_do_not_mislead_a_walk(seed: int) -> None:
    assert tilt_deg(vertical(image_right(seed, 15.0), walker(seed))) < 1.0


@pytest.mark.parametrize("seed", range(4))
def test_rolled_cameras_hardly_mislead_a_person_on_the_spot(seed: int) -> None:
    assert tilt_deg(vertical(image_right(seed, 15.0), walker(seed, on_the_spot=True))) < 8.0


@pytest.mark.parametrize("seed", range(4))
def test_level_cameras_correct_a_person_who_leans_on_the_spot(seed: int) -> None:
    xyz = leaning(walker(seed, on_the_spot=True), 6.0)
    alone = tilt_deg(vertical(NO_CAMERAS, xyz))
    assert tilt_deg(vertical(image_right(seed, 0.0), xyz)) < min(0.6 * alone, 5.0)


@pytest.mark.parametrize("seed", range(4))
def test_footholds_correct_a_person_who_leans_while_walking(seed: int) -> None:
    xyz = leaning(walker(seed), 12.0)
    assert tilt_deg(vertical(NO_CAMERAS, xyz)) < 3.0


def test_parallel_cameras_leave_the_pitch_to_the_body() -> None:
    """Cameras side by side are level about their common axis at any pitch."""
    side_by_side = np.tile([1.0, 0.0, 0.0], (4, 1))
    assert tilt_deg(vertical(side_by_side, walker(0))) < 1.0
    on_the_spot = walker(1, on_the_spot=True)
    assert tilt_deg(vertical(side_by_side, on_the_spot)) < 6.0


def test_a_camera_that_looks_straight_down_is_no_contradiction() -> None:
    rows = np.vstack([image_right(2, 0.0), [0.6, 0.8, 0.0]])
    assert tilt_deg(vertical(rows, walker(2))) < 1.0


@pytest.mark.parametrize("seed", range(3))
def test_any_frame_of_reference(seed: int) -> None:
    rows, xyz = image_right(seed, 3.0), walker(seed)
    R = Rotation.random(random_state=seed).as_matrix()
    turned = vertical(rows @ R.T, 7.0 * xyz @ R.T + [1.0, 2.0, 3.0])
    # The median of directions is taken by coordinates: up to 0.1° by the frame.
    np.testing.assert_allclose(turned, R @ vertical(rows, xyz), atol=2e-3)


def test_missing_joints_are_left_out_and_a_missing_body_refused() -> None:
    xyz = walker(3)
    holes = xyz.copy()
    holes[np.random.default_rng(3).uniform(size=holes.shape[:2]) < 0.2] = np.nan
    assert tilt_deg(vertical(image_right(3, 0.0), holes)) < 1.0
    xyz[:, BODY_JOINTS.index("left_ankle")] = np.nan
    xyz[:, BODY_JOINTS.index("right_hip")] = np.nan
    with pytest.raises(CalibrationError, match="both ankles or both hips"):
        vertical(image_right(3, 0.0), xyz)


@pytest.mark.parametrize("seed", range(4))
def test_the_trunk_serves_where_feet_are_never_seen(seed: int) -> None:
    xyz = walker(seed)
    assert has_feet(xyz)
    xyz[:, [BODY_JOINTS.index(f"{s}_ankle") for s in ("left", "right")]] = np.nan
    assert not has_feet(xyz)
    assert tilt_deg(vertical(NO_CAMERAS, xyz)) < 8.0
    assert tilt_deg(vertical(image_right(seed, 0.0), xyz)) < 1.0


def test_a_few_strays_are_no_feet() -> None:
    """Detectors give hidden ankles a place now and then."""
    xyz = walker(1)
    ankles = [BODY_JOINTS.index(f"{s}_ankle") for s in ("left", "right")]
    stray = xyz[:3, ankles] + np.array([0.5, 0.5, 0.3])
    xyz[:, ankles] = np.nan
    without = vertical(image_right(1, 5.0), xyz)
    xyz[:3, ankles] = stray
    assert not has_feet(xyz)
    np.testing.assert_array_equal(vertical(image_right(1, 5.0), xyz), without)
