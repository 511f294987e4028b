"""Where up is, where the floor is, and how long a metre is.

The rig comes out of the adjustment in the frame of its first camera and in arbitrary units; the
person gives it a vertical, a floor and a scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import Camera, FloatArray, Intrinsics, Rig, Rigid3
from gentri.errors import CalibrationError
from gentri.geometry.known_lenses import fitted, pinhole_focal
from gentri.geometry.projection import Views
from gentri.geometry.vertical import vertical
from gentri.skeletons import BODY_JOINTS

# Shank 0.246, thigh 0.245 and hip-to-shoulder 0.288 of the stature, and the ankle above the sole
# 0.039 (Drillis and Contini, "Body Segment Parameters", 1966, as reprinted in Winter, Biomechanics,
# §4.1).
LEGS_AND_TRUNK = 0.779
LEGS_AND_TRUNK_SIGMA = 0.017  # relative, between people
ANKLE_HEIGHT = 0.039

# Adults of both sexes: means 1.59 m and 1.71 m world-wide (NCD-RisC, eLife 2016), each about
# ± 0.07 m.
POPULATION_STATURE_M = 1.68
POPULATION_SIGMA = 0.055  # relative

_FLOOR_QUANTILE = 0.05  # of the ankle heights: the lowest few are detection errors
_PLUMB = 1e-3  # horizontal share of a viewing direction


@dataclass(frozen=True, eq=False)
class World:
    """A similarity: x_world = scale · R x_rig + t.

    Attributes:
        R: (3, 3).
        t: (3,) metres.
        scale: metres per rig unit.
        scale_source: "stature given" or "population prior".
        scale_sigma: relative standard deviation.
    """

    R: FloatArray
    t: FloatArray
    scale: float
    scale_source: str
    scale_sigma: float

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
        CalibrationError: legs and trunk, or both ends of the body at once, were never measured.
    """
    length = legs_and_trunk(xyz)
    if not np.isfinite(length):
        raise CalibrationError(
            "no moment shows the legs and the trunk to two cameras: "
            "the size of the person is unknown",
            "film with the whole body in view of at least two cameras",
        )
    known = stature_m is not None
    stature = stature_m if stature_m is not None else POPULATION_STATURE_M
    scale = stature * LEGS_AND_TRUNK / length
    R = _frame(vertical(views.R[:, 0], xyz), views.R[0, 2])
    joints = scale * (xyz @ R.T)
    ankles = joints[:, [BODY_JOINTS.index(f"{s}_ankle") for s in ("left", "right")], 2]
    hips = joints[:, [BODY_JOINTS.index(f"{s}_hip") for s in ("left", "right")]]
    floor = np.nanquantile(ankles, _FLOOR_QUANTILE) - ANKLE_HEIGHT * stature
    middle = np.nanmedian(hips, axis=(0, 1))
    return World(
        R=R,
        t=np.array([-middle[0], -middle[1], -floor]),
        scale=float(scale),
        scale_source="stature given" if known else "population prior",
        scale_sigma=float(np.hypot(LEGS_AND_TRUNK_SIGMA, 0.0 if known else POPULATION_SIGMA)),
    )


def legs_and_trunk(xyz: FloatArray) -> float:
    """Median shank + thigh + mid-hip to mid-shoulder of (F, 12, 3) joints; NaN when never seen."""
    at = {j: xyz[:, i] for i, j in enumerate(BODY_JOINTS)}

    def middle(part: str) -> FloatArray:
        return (at[f"left_{part}"] + at[f"right_{part}"]) / 2

    def length(a: FloatArray, b: FloatArray) -> float:
        d = np.linalg.norm(a - b, axis=-1)
        return float(np.nanmedian(d)) if np.isfinite(d).any() else np.nan

    legs = [
        length(at[f"{s}_ankle"], at[f"{s}_knee"]) + length(at[f"{s}_knee"], at[f"{s}_hip"])
        for s in ("left", "right")
    ]
    return (
        float(np.nanmean(legs)) + length(middle("hip"), middle("shoulder"))
        if np.isfinite(legs).any()
        else np.nan
    )


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
        world: from `world_of_person`.
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
    return Rig(tuple(cameras), world.scale_source, world.scale_sigma)
