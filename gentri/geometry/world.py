"""Where up is and where the floor is.

The rig comes out of the adjustment in the frame of its first camera and in arbitrary units; the
person gives it a vertical, a floor and a scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import Camera, FloatArray, Intrinsics, Rig, Rigid3
from gentri.geometry.known_lenses import fitted, pinhole_focal
from gentri.geometry.projection import Views
from gentri.geometry.scale import (
    POPULATION_STATURE_M,
    Scale,
    Stature,
    implied_stature,
    scale_of,
)
from gentri.geometry.vertical import has_feet, vertical
from gentri.skeletons import BODY_JOINTS

# The ankle above the sole, share of the stature (Drillis and Contini, "Body Segment Parameters",
# 1966, as reprinted in Winter, Biomechanics, §4.1).
ANKLE_HEIGHT = 0.039

_FLOOR_QUANTILE = 0.05  # of the ankle heights: the lowest few are detection errors
_PLUMB = 1e-3  # horizontal share of a viewing direction


@dataclass(frozen=True, eq=False)
class World:
    """A similarity: x_world = scale · R x_rig + t.

    Attributes:
        R: (3, 3).
        t: (3,) metres.
        scale: metres per rig unit.
        scale_source: see `Scale`.
        scale_sigma: relative standard deviation.
        source: where axes and origin come from: "person" or "camera positions given".
    """

    R: FloatArray
    t: FloatArray
    scale: float
    scale_source: str
    scale_sigma: float
    source: str = "person"

    def apply(self, xyz: FloatArray) -> FloatArray:
        """Points (..., 3) of the rig frame in the world."""
        return self.scale * (xyz @ self.R.T) + self.t


def world_of_person(views: Views, xyz: FloatArray, stature_m: float | None) -> World:
    """Vertical, floor and scale from the person's joints.

    Args:
        views: calibrated cameras, rig frame.
        xyz: (F, 12, 3) body joints in the order of `BODY_JOINTS`, rig frame; NaN where unknown.
        stature_m: the person's height, None when not known.

    Raises:
        CalibrationError: the trunk with legs or arms, or two ends of it at once, were never
            measured.
    """
    reference = None if stature_m is None else Stature(stature_m)
    return world_on_floor(views, xyz, scale_of(reference, (), np.empty((0, 3)), xyz))


def world_on_floor(views: Views, xyz: FloatArray, scale: Scale) -> World:
    """Up from body, cameras and feet; the floor under the feet; the origin below the middle hips.

    Where feet are never seen, height 0 is that of the lowest joints.

    Args:
        views: calibrated cameras, rig frame.
        xyz: (F, 12, 3) body joints, rig frame; NaN where unknown.
        scale: of the rig frame.

    Raises:
        CalibrationError: two ends of the body or trunk were never measured at once.
    """
    R = _frame(vertical(views.R[:, 0], xyz), views.R[0, 2])
    joints = scale.metres * (xyz @ R.T)
    stature = implied_stature(joints)
    if not np.isfinite(stature):  # hardly measured: an average ankle serves
        stature = POPULATION_STATURE_M
    if has_feet(joints):
        ankles = joints[:, [BODY_JOINTS.index(f"{s}_ankle") for s in ("left", "right")], 2]
        floor = np.nanquantile(ankles, _FLOOR_QUANTILE) - ANKLE_HEIGHT * stature
    else:
        floor = np.nanquantile(joints[..., 2], _FLOOR_QUANTILE)
    middle = _place(joints)
    return World(
        R=R,
        t=np.array([-middle[0], -middle[1], -floor]),
        scale=scale.metres,
        scale_source=scale.source,
        scale_sigma=scale.sigma,
    )


def _place(xyz: FloatArray) -> FloatArray:
    """Where the person mostly is, (3,): the median hip; joint, where hips were never measured."""
    hips = xyz[:, [BODY_JOINTS.index(f"{s}_hip") for s in ("left", "right")]]
    return np.nanmedian(hips if np.isfinite(hips).any() else xyz, axis=(0, 1))


def _frame(up: FloatArray, look: FloatArray) -> FloatArray:
    """Rotation with z up and y along the horizontal part of a viewing direction (3,)."""
    y = look - (look @ up) * up
    if np.linalg.norm(y) < _PLUMB:  # a camera that looks straight down or up has no heading
        y = np.eye(3)[np.argmin(np.abs(up))]
        y = y - (y @ up) * up
    y = y / np.linalg.norm(y)
    return np.stack([np.cross(y, up), y, up])


def rig_in_world(
    views: Views,
    world: World,
    names: tuple[str, ...],
    size_px: NDArray[np.int32],
    known: Mapping[str, Intrinsics] | None = None,
) -> Rig:
    """The calibrated cameras as a rig in metres, z up.

    Args:
        views: C cameras in the rig frame.
        world: of the rig frame.
        names: of the cameras.
        size_px: (C, 2) width and height.
        known: the intrinsics that the calibration was given, by camera name.
    """
    cameras = []
    for c, name in enumerate(names):
        width, height = (int(n) for n in size_px[c])
        lens = (known or {}).get(name)
        R = views.R[c] @ world.R.T
        pose = Rigid3(R, world.scale * views.t[c] - R @ world.t)
        if lens is not None and lens.source == "given":
            lens = fitted(name, lens, np.array([width, height]))
            zoom = views.focal[c] / pinhole_focal(lens.K)  # 1 where the focal length was held
            K, dist = lens.K * [[zoom, zoom, 1.0], [1.0, zoom, 1.0], [1.0, 1.0, 1.0]], lens.dist
        else:
            K = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
            K[[0, 1], [0, 1]], K[:2, 2] = views.focal[c], views.center[c]
            dist = np.array([*views.k[c], 0.0, 0.0, 0.0])
        source = lens.source if lens is not None else "estimated"
        cameras.append(Camera(name, width, height, K, dist, pose, source))
    return Rig(tuple(cameras), world.scale_source, world.scale_sigma, world.source)
