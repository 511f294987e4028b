"""A camera from joints that are already known in space."""

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Camera
from gentri.geometry.comparison import rotation_angle
from gentri.geometry.resection import Resection, resect, truncated_errors
from gentri.geometry.sample import MIRROR
from gentri.skeletons import COCO17

THRESHOLD = 0.005


def scene(seed: int, frames: int = 40) -> tuple[Camera, np.ndarray, np.ndarray]:
    """A camera, the joints of a walker (F, 12, 3) and their exact normalised coordinates."""
    rng = np.random.default_rng(seed)
    camera = synthetic.random_rig(rng, roll_deg=20.0).cameras[0]
    xyz = synthetic.walk(rng, ticks=frames).xyz[:, COCO17.body]
    p = camera.cam_from_world.apply(xyz)
    return camera, xyz, p[..., :2] / p[..., 2:]


def resected(xy: np.ndarray, xyz: np.ndarray) -> Resection:
    found = resect(xy, xyz, THRESHOLD, MIRROR, seed=0)
    assert found is not None
    return found


def errors(found: Resection, camera: Camera) -> tuple[float, float]:
    """Degrees and metres."""
    pose = camera.cam_from_world
    angle = np.degrees(rotation_angle(found.R.T @ pose.R))
    return float(angle), float(np.linalg.norm(-found.R.T @ found.t - camera.center))


@pytest.mark.parametrize("seed", range(5))
def test_exact_joints_give_the_exact_camera(seed: int) -> None:
    camera, xyz, xy = scene(seed)
    found = resected(xy, xyz)
    degrees, metres = errors(found, camera)
    assert degrees < 1e-6
    assert metres < 1e-6
    assert found.inliers == 40 * 12
    assert not found.swapped.any()


def test_unknown_joints_and_gaps_are_ignored() -> None:
    camera, xyz, xy = scene(5)
    xy[::3, :6], xyz[1::3, 6:] = np.nan, np.nan
    found = resected(xy, xyz)
    assert max(errors(found, camera)) < 1e-6
    assert found.inliers == int((np.isfinite(xy) & np.isfinite(xyz[..., :2])).all(-1).sum())


def test_a_third_of_the_joints_wrong() -> None:
    camera, xyz, xy = scene(6)
    rng = np.random.default_rng(6)
    wrong = rng.uniform(size=xy.shape[:2]) < 0.33
    xy[wrong] += rng.uniform(0.1, 0.3, (int(wrong.sum()), 2))
    found = resected(xy, xyz)
    degrees, metres = errors(found, camera)
    assert degrees < 1e-3
    assert metres < 1e-3
    # Of the joints thrown away some fall near where they should be; none of the right ones is lost.
    assert (~wrong).sum() <= found.inliers <= (~wrong).sum() + 0.05 * wrong.sum()


def test_exchanged_frames_are_found() -> None:
    camera, xyz, xy = scene(7)
    exchanged = np.random.default_rng(7).uniform(size=len(xy)) < 0.25
    xy[exchanged] = xy[exchanged][:, MIRROR]
    found = resected(xy, xyz)
    assert max(errors(found, camera)) < 1e-3
    assert exchanged.sum() >= 8
    # Nothing can be seen of the exchange where left lies on right.
    assert not (found.swapped & ~exchanged).any()
    assert (found.swapped == exchanged).mean() >= 0.95
    label = np.where(found.swapped[:, None, None], xy[:, MIRROR], xy)
    e = truncated_errors(label, found.R, found.t, xyz, THRESHOLD)
    assert e.max(axis=1)[found.swapped].max() < 0.01


def test_eleven_joints_are_too_few_and_twelve_are_enough() -> None:
    camera, xyz, xy = scene(8)
    few = np.full_like(xy, np.nan)
    few[0, :6], few[20, :5] = xy[0, :6], xy[20, :5]
    assert resect(few, xyz, THRESHOLD, MIRROR, 0) is None
    few[20, 5] = xy[20, 5]
    assert max(errors(resected(few, xyz), camera)) < 1e-4


def test_joints_that_contradict_each_other_give_no_camera() -> None:
    _, xyz, xy = scene(9)
    rng = np.random.default_rng(9)
    assert resect(rng.uniform(-0.5, 0.5, xy.shape), xyz, 1e-4, MIRROR, 0) is None


def test_nothing_seen_gives_no_camera() -> None:
    _, xyz, xy = scene(9)
    assert resect(np.full_like(xy, np.nan), xyz, THRESHOLD, MIRROR, 0) is None
    assert resect(xy, np.full_like(xyz, np.nan), THRESHOLD, MIRROR, 0) is None


def test_truncated_errors() -> None:
    """Right, off by 1.5 thresholds, far off, behind, and unknown; 3 thresholds count as 1."""
    xyz = np.array([[[0, 0, 2], [0, 0, 2], [0, 0, 2], [0, 0, -2], [np.nan] * 3, [0, 0, 2.0]]])
    xy = np.array([[[0, 0], [0, 0.015], [0.4, 0], [0, 0], [0, 0], [np.nan, np.nan]]])
    e = truncated_errors(xy, np.eye(3), np.zeros(3), xyz, 0.01)
    np.testing.assert_allclose(e, [[0.0, 0.5, 1.0, 1.0, np.nan, np.nan]])


def test_the_same_seed_gives_the_same_camera() -> None:
    _, xyz, xy = scene(10)
    xy = xy + np.random.default_rng(10).normal(0, 0.003, xy.shape)
    a, b = resected(xy, xyz), resected(xy, xyz)
    np.testing.assert_array_equal(a.R, b.R)
    np.testing.assert_array_equal(a.t, b.t)
