"""Rigs that leave no convention untested: rolled, off-centre, distorted, unalike cameras."""

import cv2
import numpy as np

from gentri.data import Camera, Rig, Rigid3

# Corners of a room that all cameras below see.
POINTS = np.stack(np.meshgrid([-1, 0.3, 1], [-1, 0.2, 1], [0.0, 0.9, 1.8]), -1).reshape(-1, 3)
PLAIN_NAMES = ("left", "right", "Süd-2", "東", "c_10")


def make_camera(name: str, azimuth: float, k3: float = 0.0, straight: bool = False) -> Camera:
    """A camera 5 m from the axis of the room, 2 m up, rolled, looking at the person's chest."""
    center = np.array([5 * np.cos(azimuth), 5 * np.sin(azimuth), 2.0])
    forward = np.array([0, 0, 1.0]) - center
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    roll = cv2.Rodrigues(np.array([0, 0, 0.4]))[0]
    R = roll @ np.stack([right, np.cross(forward, right), forward])
    K = np.array([[1681.25 + azimuth, 0, 532.9], [0, 1680.5, 948.1 - azimuth], [0, 0, 1]])
    dist = np.array([-0.21, 0.08, 1.5e-3, -0.9e-3, k3]) * (not straight)
    return Camera(name, 1080, 1920, K, dist, Rigid3(R, -R @ center), "estimated")


def make_rig(*cameras: Camera) -> Rig:
    return Rig(cameras, "given", 0.0)


def varied_rig(names: tuple[str, ...] = PLAIN_NAMES) -> Rig:
    """With and without distortion and k3, all around, in no sorted order."""
    return make_rig(
        *(make_camera(n, 0.3 + 1.3 * i, 0.035 * (i % 2), i == 2) for i, n in enumerate(names))
    )


def assert_same(found: Rig, expected: Rig, atol: float = 1e-9) -> None:
    assert found.names == expected.names
    for a, b in zip(found.cameras, expected.cameras, strict=True):
        assert (a.width, a.height) == (b.width, b.height)
        pairs = [(a.K, b.K), (a.dist, b.dist)]
        pairs += [(getattr(a.cam_from_world, f), getattr(b.cam_from_world, f)) for f in "Rt"]
        for x, y in pairs:
            np.testing.assert_allclose(x, y, rtol=0, atol=atol)
