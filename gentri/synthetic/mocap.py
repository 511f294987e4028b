"""People of the CMU motion-capture database in a room: takes with exact truth.

The clips lie in `examples/cmu_mocap` (10 Hz). Most are a few seconds long: a take joins several
clips of one subject on one floor. Between two clips nobody is in view: the person left and came
back on another line.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gentri.data import FloatArray
from gentri.errors import InputError
from gentri.synthetic.bodies import (
    BONE_NAMES,
    MOCAP_JOINTS,
    coco_from_mocap,
    mirrored,
    rebuilt,
    stature_of,
)
from gentri.synthetic.walker import ANKLE_HEIGHT, Walk

CLIP_FPS = 10.0

# A clip in which the pelvis goes this far, at this speed, is one of a moving person; one in which
# it stays within the smaller extent is one of a person on the spot (metres, metres per second).
MOVING_EXTENT_M, MOVING_SPEED = 1.5, 0.3
SPOT_EXTENT_M = 0.5

SHIFT_M = 1.5  # of the middle of a clip from the middle of the room, either way
SCALE = (0.85, 1.15)
BONE_CHANGE = 0.07
SPOT_SHARE = 0.8  # of that shift, where a clip cannot be cut at the edge of the stage
STAGE_RADIUS_M = 2.2  # the person turns round, out of view, before running into a camera
SHORTEST_S = 1.0  # of a piece of a clip
AWAY_S = 0.5  # out of view between two pieces

_SOME_PLACES = np.stack(np.meshgrid(*[np.linspace(-SHIFT_M, SHIFT_M, 5)[1:-1]] * 2), axis=-1)
_DOES = {True: "walks through space", False: "stays on the spot"}

_PELVIS = MOCAP_JOINTS.index("Pelvis")
_ANKLES = [MOCAP_JOINTS.index("LAnkle"), MOCAP_JOINTS.index("RAnkle")]


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording.

    Attributes:
        name: in the database.
        subject: who moves; the name of the clip itself where that is not known.
        xyz: (T, 15, 3) float64, metres, joints `MOCAP_JOINTS`, 10 Hz.
    """

    name: str
    subject: str
    xyz: FloatArray

    @property
    def extent_m(self) -> float:
        """Diagonal of the box around the path of the pelvis."""
        return float(np.linalg.norm(np.ptp(self.xyz[:, _PELVIS, :2], axis=0)))

    @property
    def speed(self) -> float:
        """Mean speed of the pelvis over the floor, metres per second."""
        steps = np.diff(self.xyz[:, _PELVIS, :2], axis=0)
        return float(np.linalg.norm(steps, axis=-1).mean() * CLIP_FPS)

    @property
    def moving(self) -> bool:
        """Walks (or runs, climbs) through space."""
        return self.extent_m >= MOVING_EXTENT_M and self.speed >= MOVING_SPEED

    @property
    def on_the_spot(self) -> bool:
        """Stays in one place."""
        return self.extent_m < SPOT_EXTENT_M

    @cached_property
    def stays_on_stage(self) -> bool:
        """Somewhere in the room a piece of it is on the stage, whatever the size of the person."""
        shortest = round(SHORTEST_S * CLIP_FPS)
        if len(self.xyz) < shortest or not np.isfinite(self.xyz).all():
            return False
        path = SCALE[1] * _centered(self.xyz)[:, _PELVIS, :2]
        inside = np.linalg.norm(path + _SOME_PLACES[..., None, :], axis=-1) < STAGE_RADIUS_M
        return bool(np.lib.stride_tricks.sliding_window_view(inside, shortest, -1).all(-1).any())

    def shows(self, moving: bool) -> bool:
        """A moving person, or else one on the spot."""
        return self.moving if moving else self.on_the_spot

    def serves(self, moving: bool) -> bool:
        """As `shows`, and there is a take in it."""
        return self.shows(moving) and self.stays_on_stage


def read_clips(path: Path) -> tuple[Clip, ...]:
    """All clips of `cmu_subset_10hz.npz`, by name."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
        return tuple(
            Clip(name, _subject(name), data[name].astype(np.float64)) for name in sorted(data.files)
        )


def _subject(name: str) -> str:
    parts = name.split("_")
    return parts[1] if parts[0] == "cmu" else name


def kinds_of_takes(clips: tuple[Clip, ...]) -> tuple[bool, ...]:
    """What `moving` of `mocap_take` can be: True, False or both.

    Raises:
        InputError: no clip fits.
    """
    kinds = tuple(kind for kind in _DOES if any(c.serves(kind) for c in clips))
    if not kinds:
        raise _nothing_fits(clips, tuple(_DOES))
    return kinds


def mocap_take(
    rng: np.random.Generator,
    clips: tuple[Clip, ...],
    *,
    seconds: float = 15.0,
    fps: float = CLIP_FPS,
    moving: bool = True,
    subject: str | None = None,
) -> Walk:
    """One person in a room around the origin.

    The person keeps scale, proportions and handedness through the take; each clip of it gets a
    heading and a place of its own (a person on the spot keeps one). xyz is NaN while the person is
    out of view between clips; these ticks come on top of `seconds`.

    Args:
        rng: source of all variation.
        clips: from `read_clips`.
        seconds: how long the person is there.
        fps: frames per second, interpolated by cubic splines where it is not 10.
        moving: clips of a moving person, else of one on the spot.
        subject: of the clips; drawn, in proportion to the frames there are, where None.

    Raises:
        InputError: no clip fits.
    """
    clips = tuple(c for c in clips if subject in (None, c.subject))
    fitting = [c for c in clips if c.serves(moving)]
    if not fitting:
        raise _nothing_fits(clips, (moving,))
    if subject is None:
        frames = np.array([len(c.xyz) for c in fitting], dtype=float)
        subject = fitting[rng.choice(len(fitting), p=frames / frames.sum())].subject
    mine = [c for c in fitting if c.subject == subject]
    body = {name: rng.uniform(1 - BONE_CHANGE, 1 + BONE_CHANGE) for name in BONE_NAMES}
    size, mirror = rng.uniform(*SCALE), rng.uniform() < 0.5
    heading, place = _placement(rng)
    home = (heading, place * SPOT_SHARE)
    pieces: list[FloatArray] = []
    wanted = round(seconds * CLIP_FPS)
    while (missing := wanted - sum(map(len, pieces))) > 0:
        xyz = rebuilt(mine[rng.integers(len(mine))].xyz * size, body)
        xyz = on_floor(mirrored(xyz) if mirror else xyz)
        xyz = _inside(_placed(xyz, *(_placement(rng) if moving else home)))[:missing]
        if len(xyz) >= min(SHORTEST_S * CLIP_FPS, missing):
            pieces.append(xyz)
    stature = stature_of(np.concatenate(pieces))
    bodies = [resampled(coco_from_mocap(p, stature), CLIP_FPS, fps) for p in pieces]
    away = np.full((round(AWAY_S * fps), *bodies[0].shape[1:]), np.nan)
    xyz = np.concatenate([part for body in bodies for part in (body, away)][:-1])
    return Walk(xyz, np.arange(len(xyz)) / fps, stature)


def _nothing_fits(clips: tuple[Clip, ...], kinds: tuple[bool, ...]) -> InputError:
    """Why there is no take of these kinds."""
    does = " or ".join(_DOES[kind] for kind in kinds)
    such = [c for c in clips if any(c.shows(kind) for kind in kinds)]
    if not such:
        return InputError(
            f"in none of the {len(clips)} clips a person {does}",
            "give more motion, as of examples/cmu_mocap",
        )
    return InputError(
        f"none of the {len(such)} clips in which a person {does} has {SHORTEST_S:g} s within "
        f"{STAGE_RADIUS_M:g} m of one place; the slowest goes {min(c.speed for c in such):.3g} m/s",
        "give slower motion, in metres, without gaps",
    )


def on_floor(xyz: FloatArray) -> FloatArray:
    """Mocap joints (T, 15, 3) lifted so that the lower ankle is at ankle height."""
    lowest = np.quantile(xyz[:, _ANKLES, 2].min(axis=1), 0.05)
    return xyz + np.array([0.0, 0.0, ANKLE_HEIGHT * stature_of(xyz) - lowest])


def resampled(xyz: FloatArray, fps: float, new_fps: float) -> FloatArray:
    """Positions (T, J, 3) at another frame rate, by cubic splines (one frame needs no spline)."""
    from scipy.interpolate import CubicSpline

    if fps == new_fps or len(xyz) < 2:
        return xyz
    time_s = np.arange(len(xyz)) / fps
    count = int(np.floor(time_s[-1] * new_fps + 1e-9)) + 1
    return CubicSpline(time_s, xyz, axis=0)(np.arange(count) / new_fps)


def _placement(rng: np.random.Generator) -> tuple[float, FloatArray]:
    """Heading, radians, and place on the floor (2,), metres."""
    return rng.uniform(0.0, 2 * np.pi), rng.uniform(-SHIFT_M, SHIFT_M, 2)


def _placed(xyz: FloatArray, yaw: float, place: FloatArray) -> FloatArray:
    c, s = np.cos(yaw), np.sin(yaw)
    out = _centered(xyz)
    out[..., :2] = out[..., :2] @ np.array([[c, s], [-s, c]]) + place
    return out


def _centered(xyz: FloatArray) -> FloatArray:
    """The middle of the pelvis' path over the origin."""
    path = xyz[:, _PELVIS, :2]
    out = xyz.copy()
    out[..., :2] -= (path.min(axis=0) + path.max(axis=0)) / 2
    return out


def _inside(xyz: FloatArray) -> FloatArray:
    """The longest stretch during which the pelvis stays on the stage."""
    inside = np.linalg.norm(xyz[:, _PELVIS, :2], axis=-1) < STAGE_RADIUS_M
    edges = np.flatnonzero(np.diff(np.r_[0, inside, 0])).reshape(-1, 2)
    if not len(edges):
        return xyz[:0]
    first, last = edges[np.argmax(np.diff(edges, axis=1))]
    return xyz[first:last]
