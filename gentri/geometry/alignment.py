"""A rig put into the world in which somebody knows where its cameras are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gentri.data import FloatArray, Rig
from gentri.errors import InputError
from gentri.geometry.comparison import similarity
from gentri.geometry.projection import Views
from gentri.geometry.scale import TAPE_SIGMA, Scale
from gentri.geometry.vertical import has_feet, vertical
from gentri.geometry.world import World

POSITIONS_GIVEN = "camera positions given"

# Second extent of the cameras' places, share of the first, from which they fix all three axes.
_SPREAD = 0.1
# Horizontal share of a line of cameras from which it fixes the heading; a mast does not.
_LEVEL = 0.35


@dataclass(frozen=True, eq=False)
class KnownPlaces:
    """Where cameras are.

    Attributes:
        center_m: name → (3,) optical centre, z up.
        R: name → (3, 3) cam_from_world; empty where attitudes are not known.
        sigma: relative standard deviation of their distances; NaN where not known.
    """

    center_m: Mapping[str, FloatArray]
    R: Mapping[str, FloatArray]
    sigma: float

    @classmethod
    def of(cls, source: Rig | Mapping[str, FloatArray]) -> "KnownPlaces":
        """From a rig, or from measured positions (3,) by camera name."""
        if isinstance(source, Rig):
            center = {c.name: c.center for c in source.cameras}
            R = {c.name: c.cam_from_world.R for c in source.cameras}
            return cls(center, R, source.scale_sigma)
        center = {name: np.asarray(p, dtype=np.float64) for name, p in source.items()}
        return cls(center, {}, TAPE_SIGMA)

    def renamed(self, camera: Mapping[str, str]) -> "KnownPlaces":
        """Of the cameras named alone, called otherwise: name → new name."""
        center = {new: self.center_m[name] for name, new in camera.items()}
        R = {new: self.R[name] for name, new in camera.items() if name in self.R}
        return KnownPlaces(center, R, self.sigma)


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a rig lies in a known world.

    Attributes:
        world: of the rig frame.
        cameras: N names that the places are known of.
        residual_m: (N,) distances from the known places.
        extent_m: the largest distance between two known places.
        scale_ratio: lengths of the world per length of the known places: 1 where the scale is
            theirs.
        tilt_deg: angle between the world's z and what is up by the person; NaN where not known.
    """

    world: World
    cameras: tuple[str, ...]
    residual_m: FloatArray
    extent_m: float
    scale_ratio: float
    tilt_deg: float

    @property
    def rms_m(self) -> float:
        """Root mean square of the residuals."""
        return float(np.sqrt((self.residual_m**2).mean()))


def aligned_world(
    views: Views,
    cameras: Sequence[str],
    xyz: FloatArray,
    places: KnownPlaces,
    scale: Scale | None,
) -> Alignment:
    """The world in which the cameras are nearest to their known places.

    Positions of three cameras that are not on one line fix it; on a line, also of two, the
    attitudes of the cameras decide where they are known, else which way is up.

    Args:
        views: C cameras, rig frame.
        cameras: their names.
        xyz: (F, 12, 3) joints of the person, rig frame.
        places: of two or more of the cameras.
        scale: of the rig frame where it is known otherwise; None takes it from the places.

    Raises:
        InputError: the places do not fix a world.
    """
    at = [c for c, name in enumerate(cameras) if name in places.center_m]
    names = tuple(cameras[c] for c in at)
    require_places(names, cameras, places)
    center = -np.einsum("cji,cj->ci", views.R, views.t)[at]
    known = np.stack([places.center_m[name] for name in names])
    extent = float(np.linalg.norm(known[:, None] - known, axis=-1).max())
    if extent == 0:
        raise InputError(
            f"{' and '.join(names)} have one and the same known position", "correct the positions"
        )
    if min(_spread(center), _spread(known)) >= _SPREAD:
        attitude = None
    elif places.R:
        attitude = np.sum([places.R[cameras[c]].T @ views.R[c] for c in at], axis=0)
    else:
        attitude = _level_rotation(center, known, vertical(views.R[:, 0], xyz), names)
    found, R, _ = similarity(center, known, attitude)
    size = found if scale is None else scale.metres
    t = known.mean(axis=0) - size * R @ center.mean(axis=0)
    residual = np.linalg.norm(size * center @ R.T + t - known, axis=-1)
    if scale is None:
        misfit = float(np.sqrt((residual**2).mean() / len(names))) / extent
        scale = Scale(found, POSITIONS_GIVEN, float(np.hypot(places.sigma, misfit)))
    world = World(R, t, scale.metres, scale.source, scale.sigma, POSITIONS_GIVEN)
    tilt_deg = _tilt_deg(R, views, xyz)
    return Alignment(world, names, residual, extent, scale.metres / found, tilt_deg)


def _tilt_deg(R: FloatArray, views: Views, xyz: FloatArray) -> float:
    """Cameras almost in one plane fit mirrored positions, too: the person is then on the head."""
    if not has_feet(xyz):  # a trunk leans too much to tell
        return np.nan
    up = vertical(views.R[:, 0], xyz)
    return float(np.degrees(np.arccos(np.clip(R[2] @ up, -1.0, 1.0))))


def require_places(names: Sequence[str], cameras: Sequence[str], places: KnownPlaces) -> None:
    """Refuse too few known places.

    Args:
        names: cameras of which they are known.
        cameras: all of them.
        places: for the message.

    Raises:
        InputError: of one camera or of none.
    """
    if len(names) < 2:
        raise InputError(
            f"positions are known of: {', '.join(places.center_m)}; the cameras are "
            f"{', '.join(cameras)}: a world needs two of them or more",
            "give the positions of more cameras, under the names that the cameras have here",
        )


def _spread(points: FloatArray) -> float:
    """Second extent of points (N, 3) as a share of the first: 0 on a line."""
    extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return float(extents[1] / extents[0]) if extents[0] > 0 else 0.0


def _level_rotation(
    center: FloatArray, known: FloatArray, up: FloatArray, names: Sequence[str]
) -> FloatArray:
    """The rotation (3, 3) that keeps `up` upright and turns a line of cameras to its heading."""
    x = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    x /= np.linalg.norm(x)
    level = np.stack([x, np.cross(up, x), up])
    a, b = (center - center.mean(axis=0)) @ level.T, known - known.mean(axis=0)
    horizontal = min(np.linalg.norm(p[:, :2]) / np.linalg.norm(p) for p in (a, b))
    if horizontal < _LEVEL:
        raise InputError(
            f"{', '.join(names)} stand one above the other: their positions do not tell where "
            "north is",
            "give the position of a camera beside them as well, or a rig with rotations",
        )
    sine = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()
    turn = np.arctan2(sine, (a[:, :2] * b[:, :2]).sum())
    c, s = np.cos(turn), np.sin(turn)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ level
