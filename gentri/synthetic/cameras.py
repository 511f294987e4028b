"""Camera rings with a known truth."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from gentri.data import Camera, FloatArray, Rig, Rigid3
from gentri.geometry.cameras import pinhole_K

FULL_HD = (1920, 1080)
NO_DISTORTION = (0.0, 0.0, 0.0, 0.0, 0.0)
# How far a camera is from its even place on the ring, share of the step between two.
_AZIMUTH_JITTER = 0.25
TARGET_M = (0.0, 0.0, 0.9)  # what all cameras look at: about the navel of a person in the middle


def look_at(center: ArrayLike, target: ArrayLike) -> Rigid3:
    """`cam_from_world` of an upright camera at `center` (3,) looking at `target` (3,), metres."""
    origin = np.asarray(center, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - origin
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    return Rigid3(R, -R @ origin)


def camera_ring(
    count: int = 4,
    *,
    radius_m: ArrayLike = 5.0,
    height_m: ArrayLike = 1.6,
    focal_px: ArrayLike = 1200.0,
    arc_deg: float = 360.0,
    start_deg: float = 20.0,
    size_px: tuple[int, int] = FULL_HD,
    dist: Sequence[float] = NO_DISTORTION,
) -> Rig:
    """Cameras `cam0`, `cam1`, … around the origin, all looking at a point 0.9 m above it.

    Args:
        count: number of cameras.
        radius_m: horizontal distance from the origin, one for all cameras or one per camera.
        height_m: above the floor, likewise.
        focal_px: likewise.
        arc_deg: 360 closes the ring; less spreads the cameras over an arc, ends included.
        start_deg: azimuth of the first camera.
        size_px: image width and height.
        dist: k1 k2 p1 p2 k3 of all cameras.
    """
    closed = arc_deg >= 360.0
    azimuth = np.radians(start_deg + np.linspace(0.0, arc_deg, count, endpoint=not closed))
    radius, height, focal = (np.broadcast_to(v, count) for v in (radius_m, height_m, focal_px))
    lens = np.array(dist, dtype=np.float64)
    cameras = []
    for i in range(count):
        center = (radius[i] * np.cos(azimuth[i]), radius[i] * np.sin(azimuth[i]), height[i])
        pose = look_at(center, TARGET_M)
        K = pinhole_K(*size_px, float(focal[i]))
        cameras.append(Camera(f"cam{i}", *size_px, K, lens, pose, "given"))
    return Rig(tuple(cameras), "given", 0.0)


def random_ring(
    rng: np.random.Generator,
    count: int = 4,
    *,
    arc_deg: float = 360.0,
    size_px: tuple[int, int] = FULL_HD,
    dist: Sequence[float] = NO_DISTORTION,
) -> Rig:
    """A `camera_ring` with radii 3.5–6.5 m, heights 0.8–2.8 m and focals 0.47–0.83 widths."""
    return camera_ring(
        count,
        radius_m=rng.uniform(3.5, 6.5, count),
        height_m=rng.uniform(0.8, 2.8, count),
        focal_px=size_px[0] * rng.uniform(0.47, 0.83, count),
        arc_deg=arc_deg,
        start_deg=rng.uniform(0.0, 360.0),
        size_px=size_px,
        dist=dist,
    )


def random_rig(
    rng: np.random.Generator,
    count: int = 4,
    *,
    k1: tuple[float, float] = (0.0, 0.0),
    off_center: float = 0.0,
    roll_deg: float = 0.0,
    one_model: bool = False,
    size_px: tuple[int, int] = FULL_HD,
) -> Rig:
    """Cameras as people set them up: on a ring or on an arc, not evenly spaced, not quite upright.

    Two and three cameras stand on an arc: on an even ring two would face each other.

    Args:
        rng: source of all variation.
        count: number of cameras.
        k1: range of the radial distortion, one value per camera.
        off_center: distance of the principal point from the image centre, share of the width, in a
            direction of its own for each camera.
        roll_deg: standard deviation of the roll.
        one_model: one focal length and k1 for all.
        size_px: image width and height.
    """
    ring = count >= 4 and rng.uniform() < 0.5
    arc_deg = 360.0 if ring else _arc_deg(rng, count)
    rig = random_ring(rng, count, arc_deg=arc_deg, size_px=size_px)
    step_deg = arc_deg / (count if ring else max(count - 1, 1))
    cameras = []
    for camera in rig.cameras:
        lens = rng.uniform(*k1)
        away = rng.uniform(0.0, 2 * np.pi)
        center = camera.K[:2, 2] + off_center * size_px[0] * np.array([np.cos(away), np.sin(away)])
        K = (rig.cameras[0] if one_model else camera).K.copy()
        K[:2, 2] = center
        dist = np.array([lens, *NO_DISTORTION[1:]])
        if one_model and cameras:
            dist = cameras[0].dist
        pose = _turned(camera.center, _AZIMUTH_JITTER * step_deg * rng.uniform(-1, 1))
        pose = rolled(pose, roll_deg * rng.normal())
        cameras.append(replace(camera, K=K, dist=dist, cam_from_world=pose))
    return replace(rig, cameras=tuple(cameras))


def rolled(pose: Rigid3, roll_deg: float) -> Rigid3:
    """A camera turned about its optical axis."""
    c, s = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return Rigid3(R, np.zeros(3)) @ pose


def _arc_deg(rng: np.random.Generator, count: int) -> float:
    """An arc whose ends neither see alike nor face each other."""
    return rng.uniform(50.0, 120.0) if count == 2 else rng.uniform(80.0, min(200.0, 60.0 * count))


def _turned(center: FloatArray, degrees: float) -> Rigid3:
    """The pose of a camera moved along its circle."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y, z = center
    return look_at((c * x - s * y, s * x + c * y, z), TARGET_M)
