"""How far detections lie from the subject as other cameras see it, at moments of a recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gentri.data import Camera, Detections, FloatArray
from gentri.geometry.cameras import undistort
from gentri.geometry.triangulation import triangulate
from gentri.geometry.two_view import sampson, skew
from gentri.ticks import nearest_frames

_MIN_SAMPLES = 5  # at which a track is judged
MIN_JOINTS = 4  # seen and expected, for a distance to mean anything
_ROBUST_ANGLE = 0.01  # radians; a person of 1.7 m at 5 m subtends 0.33

# Median joint distance to the place, or to the line, that the other views expect, as a share of the
# person's size: below this a track is the subject. A line constrains one direction only, and people
# of one height who stand side by side share many lines.
_PLACE, _LINE = 0.12, 0.03

Tracks = tuple[frozenset[int], ...]  # for each camera, the tracks that are the subject


@dataclass(frozen=True, eq=False)
class View:
    """One camera's detections at S sampled ticks.

    Attributes:
        R, t: cam_from_world.
        xy: (S, P, 12, 2) body joints, normalised image coordinates; NaN where not seen.
        size: (S, P) box diagonal in the same unit.
        track: (S, P), −1 where there is nobody.
    """

    R: FloatArray
    t: FloatArray
    xy: FloatArray
    size: FloatArray
    track: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        seen: Detections,
        camera: Camera,
        frame_s: FloatArray,
        ticks: FloatArray,
        min_score: float,
    ) -> "View":
        """What a camera saw at the ticks (S,), in its nearest frames."""
        frame, known = nearest_frames(frame_s, ticks)
        body = seen.skeleton.body
        xy = seen.xy_px[frame][:, :, body].astype(np.float64)
        xy[~(seen.score[frame][:, :, body] >= min_score)] = np.nan
        track = np.where(known[:, None], seen.track[frame], -1)
        xy[track < 0] = np.nan
        box = seen.box_px[frame].astype(np.float64)
        focal = np.sqrt(camera.K[0, 0] * camera.K[1, 1])
        size = np.linalg.norm(box[..., 2:] - box[..., :2], axis=-1) / focal
        pose = camera.cam_from_world
        return cls(pose.R, pose.t, undistort(camera, xy), size, track)

    @cached_property
    def _presence(self) -> dict[int, NDArray[np.bool_]]:
        tracks = (int(t) for t in np.unique(self.track) if t >= 0)
        return {t: np.any(self.track == t, axis=-1) for t in tracks}

    def present(self, tracks: frozenset[int]) -> NDArray[np.bool_]:
        """Ticks (S,) at which one of these tracks is there."""
        here = np.zeros(len(self.track), dtype=bool)
        for track in tracks & self._presence.keys():
            here |= self._presence[track]
        return here

    def slot(self, tracks: frozenset[int]) -> NDArray[np.int64]:
        """Person (S,) that is one of these tracks; −1 where none is."""
        chosen = np.isin(self.track, sorted(tracks))
        return np.where(chosen.any(-1), chosen.argmax(-1), -1)

    def joints(self, slot: NDArray[np.int64], at: NDArray[np.int64]) -> FloatArray:
        """Joints (N, 12, 2) of a person (N,) at some ticks (N,); NaN for −1."""
        xy = self.xy[at, slot]
        xy[slot < 0] = np.nan
        return xy


class Comparison:
    """Distances from a subject that grows track by track: only what is new is looked at again.

    Args:
        views: of all cameras at the same ticks.
    """

    def __init__(self, views: list[View]) -> None:
        self.views = views
        shape = (len(views), len(views[0].track))
        self._slots = np.full((len(views), *shape), -2)  # of all views, as camera c last saw them
        self._distance = [np.full(view.track.shape, np.nan) for view in views]
        self._is_place = np.zeros(shape, dtype=bool)
        self._lines: dict[tuple[int, int, int], tuple[NDArray[np.int64], FloatArray]] = {}

    def distance(self, tracks: Tracks, c: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        """How far every detection of camera c is from the subject of the others, 1 at the limit.

        Returns:
            (S, P) NaN where the others do not see the subject, and whether it is known as a place
            (S,).
        """
        slots = np.stack([v.slot(t) for v, t in zip(self.views, tracks, strict=True)])
        slots[c] = -1
        at = np.flatnonzero((slots != self._slots[c]).any(0))
        if len(at):
            self._distance[c][at], self._is_place[c][at] = self._measured(slots[:, at], c, at)
            self._slots[c] = slots
        return self._distance[c], self._is_place[c]

    def lines(self, c: int, track: int, d: int) -> tuple[NDArray[np.int64], FloatArray]:
        """Ticks (N,) of a track of camera c, and how far camera d's people are from its lines.

        Returns:
            (N,) and (N, P), 1 at the limit.
        """
        key = c, track, d
        if key not in self._lines:
            slot = self.views[c].slot(frozenset([track]))
            at = np.flatnonzero(slot >= 0)
            seen = self.views[c].joints(slot[at], at)
            self._lines[key] = at, _line_distance(self.views[c], self.views[d], seen, at)
        return self._lines[key]

    def _measured(
        self, slots: NDArray[np.int64], c: int, at: NDArray[np.int64]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """`distance` at some ticks (N,), from the subject's slots (C, N)."""
        view, others = self.views[c], [v for d, v in enumerate(self.views) if d != c]
        rows = np.delete(slots, c, axis=0)
        seen = np.stack([v.joints(slot, at) for v, slot in zip(others, rows, strict=True)])
        distance = np.full((len(at), view.track.shape[1]), np.nan)
        is_place = np.zeros(len(at), dtype=bool)
        if len(others) > 1:
            R, t = np.stack([v.R for v in others]), np.stack([v.t for v in others])
            weight = np.isfinite(seen[..., 0]).astype(float)
            p = triangulate(seen, weight, R, t, _ROBUST_ANGLE) @ view.R.T + view.t
            place = p[..., :2] / np.where(p[..., 2:] > 0, p[..., 2:], np.nan)
            is_place = np.isfinite(place).all(-1).sum(-1) >= MIN_JOINTS
            away = np.linalg.norm(view.xy[at[is_place]] - place[is_place, None], axis=-1)
            distance[is_place] = median_joint(away) / (_PLACE * view.size[at[is_place]])
        left = np.flatnonzero(~is_place)
        lines = np.stack(
            [_line_distance(v, view, s[left], at[left]) for v, s in zip(others, seen, strict=True)]
        )
        known = np.isfinite(lines)
        distance[left] = np.where(known.any(0), np.where(known, lines, 0.0).max(0), np.nan)
        return distance, is_place


def track_medians(
    track: NDArray[np.int32], distance: FloatArray
) -> Iterator[tuple[int, float, int]]:
    """Each track of (N, P) known at enough ticks: the median of its distances, and their number."""
    at = np.isfinite(distance) & (track >= 0)
    tracks, values = track[at], distance[at]
    for one in np.unique(tracks):
        of_track = values[tracks == one]
        if len(of_track) >= _MIN_SAMPLES:
            yield int(one), float(np.median(of_track)), len(of_track)


def _line_distance(a: View, b: View, seen_a: FloatArray, at: NDArray[np.int64]) -> FloatArray:
    """Epipolar distance (N, P) of what b sees at ticks (N,) to joints (N, 12, 2) of a."""
    R = b.R @ a.R.T
    t = b.t - R @ a.t
    E = skew(t / np.linalg.norm(t)) @ R
    xy = b.xy[at]
    away = np.sqrt(sampson(E, np.broadcast_to(seen_a[:, None], xy.shape), xy))
    return median_joint(away) / (_LINE * b.size[at])


def median_joint(away: FloatArray) -> FloatArray:
    """Median over the joints of (..., J); NaN where too few are known."""
    count = np.isfinite(away).sum(-1)
    known = count >= MIN_JOINTS
    # NaN sorts last. `np.nanmedian` is ten times slower on rows as short as these.
    ascending = np.sort(away, axis=-1)
    lower, upper = (
        np.take_along_axis(ascending, np.maximum(middle, 0)[..., None], axis=-1)[..., 0]
        for middle in ((count - 1) // 2, count // 2)
    )
    return np.where(known, (lower + upper) / 2, np.nan)
