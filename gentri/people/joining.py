"""Join the tracks of one person into a whole, once the cameras are known.

Whoever leaves a view and returns comes back under a new track number. The cameras tell which tracks
are one person: joints seen by two other cameras have a place in the image, joints seen by one other
camera a line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gentri.data import Camera, Detections, FloatArray, Rig
from gentri.geometry.cameras import undistort
from gentri.geometry.triangulation import triangulate
from gentri.geometry.two_view import sampson, skew
from gentri.people.subject import Subject, slots_of_tracks
from gentri.ticks import bracketing_frames

_SAMPLES = 6000  # ticks looked at, spread over the recording: bounds memory and time
_MIN_SAMPLES = 5  # at which a track is judged
_MIN_JOINTS = 4
_ROUNDS = 50
_ROBUST_ANGLE = 0.01  # radians; a person of 1.7 m at 5 m subtends 0.33

# Median joint distance to the place, or to the line, that the other views expect, as a share of the
# person's size: below this a track is the subject. A line constrains one direction only, and people
# of one height who stand side by side share many lines.
_PLACE, _LINE = 0.12, 0.03
# A track this many times over the limit is somebody else.
_FOREIGN = 4.0
# A camera sees a person once: share of a track that may coincide with tracks already joined.
_OVERLAP = 0.2

Tracks = tuple[frozenset[int], ...]  # for each camera, the tracks that are the subject


@dataclass(frozen=True, eq=False)
class _View:
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

    def of(self, tracks: frozenset[int]) -> FloatArray:
        """Joints (S, 12, 2) of whichever of these tracks is there."""
        chosen = np.isin(self.track, sorted(tracks))
        slot = chosen.argmax(-1)
        xy = self.xy[np.arange(len(slot)), slot]
        xy[~chosen.any(-1)] = np.nan
        return xy

    def present(self, tracks: frozenset[int]) -> NDArray[np.bool_]:
        """Ticks (S,) at which one of these tracks is there."""
        return np.any(np.isin(self.track, sorted(tracks)), axis=-1)


def join_tracks(
    detections: dict[str, Detections], subject: Subject, rig: Rig, min_score: float
) -> Subject:
    """The subject with all tracks that the geometry of the cameras says are the same person.

    Args:
        detections: per camera.
        subject: at least one track in two cameras.
        rig: calibrated cameras in the subject's order.
        min_score: joints below are not looked at.
    """
    step = -(-len(subject.time_s) // _SAMPLES)
    ticks = subject.time_s[::step]
    views = [
        _view(detections[camera.name], camera, frame_s, ticks, min_score)
        for camera, frame_s in zip(rig.cameras, subject.frame_s, strict=True)
    ]
    joined = _grown(views, _tracks_of(detections, subject))
    slots = tuple(
        slots_of_tracks(detections[name], tuple(sorted(tracks)))
        for name, tracks in zip(subject.cameras, joined, strict=True)
    )
    return Subject(subject.cameras, slots, subject.frame_s, subject.time_s)


def _tracks_of(detections: dict[str, Detections], subject: Subject) -> Tracks:
    found = []
    for name, slot in zip(subject.cameras, subject.slot, strict=True):
        at = np.flatnonzero(slot >= 0)
        found.append(frozenset(int(t) for t in np.unique(detections[name].track[at, slot[at]])))
    return tuple(found)


def _view(
    seen: Detections, camera: Camera, frame_s: FloatArray, ticks: FloatArray, min_score: float
) -> _View:
    before, after, share = bracketing_frames(frame_s, ticks)
    frame, known = np.where(share > 0.5, after, before), np.isfinite(share)
    body = seen.skeleton.body
    xy = seen.xy_px[frame][:, :, body].astype(np.float64)
    xy[~(seen.score[frame][:, :, body] >= min_score)] = np.nan
    track = np.where(known[:, None], seen.track[frame], -1)
    xy[track < 0] = np.nan
    box = seen.box_px[frame].astype(np.float64)
    focal = np.sqrt(camera.K[0, 0] * camera.K[1, 1])
    size = np.linalg.norm(box[..., 2:] - box[..., :2], axis=-1) / focal
    pose = camera.cam_from_world
    return _View(pose.R, pose.t, undistort(camera, xy), size, track)


def _grown(views: list[_View], tracks: Tracks) -> Tracks:
    """Add and remove tracks until nothing changes."""
    for _ in range(_ROUNDS):
        now = tuple(_judged(views, tracks, c) for c in range(len(views)))
        if now == tracks:
            now = _revived(views, tracks)
        if now == tracks:
            break
        tracks = now
    return tracks


def _judged(views: list[_View], tracks: Tracks, c: int) -> frozenset[int]:
    """The tracks of camera c that are the subject according to all other cameras."""
    view = views[c]
    distance, is_place = _distance(views, tracks, c)
    verdict = dict(_medians(view, distance))
    sure = dict(_medians(view, np.where(is_place[:, None], distance, np.nan)))
    kept = {t for t in tracks[c] if sure.get(t, 0.0) < _FOREIGN}
    for track in sorted(verdict, key=lambda t: verdict[t]):
        if verdict[track] < 1.0 and not _coincides(view, track, frozenset(kept)):
            kept.add(track)
    return frozenset(kept)


def _coincides(view: _View, track: int, tracks: frozenset[int]) -> bool:
    here = view.present(frozenset([track]))
    return bool((here & view.present(tracks - {track})).sum() > _OVERLAP * here.sum())


def _distance(views: list[_View], tracks: Tracks, c: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """How far every detection of camera c is from the subject of the others, 1 at the limit.

    Returns:
        (S, P) NaN where the others do not see the subject, and whether it is known as a place (S,).
    """
    others = [d for d in range(len(views)) if d != c]
    seen = np.stack([views[d].of(tracks[d]) for d in others])
    R, t = np.stack([views[d].R for d in others]), np.stack([views[d].t for d in others])
    distance = np.full(views[c].track.shape, np.nan)
    is_place = np.zeros(len(distance), dtype=bool)
    if len(others) > 1:
        xyz = triangulate(seen, np.isfinite(seen[..., 0]).astype(float), R, t, _ROBUST_ANGLE)
        p = xyz @ views[c].R.T + views[c].t
        place = p[..., :2] / np.where(p[..., 2:] > 0, p[..., 2:], np.nan)
        is_place = np.isfinite(place).all(-1).sum(-1) >= _MIN_JOINTS
        away = np.linalg.norm(views[c].xy[is_place] - place[is_place, None], axis=-1)
        distance[is_place] = _median_joint(away) / (_PLACE * views[c].size[is_place])
    lines = np.stack(
        [
            _line_distance(views[d], views[c], s, ~is_place)
            for d, s in zip(others, seen, strict=True)
        ]
    )
    known = np.isfinite(lines)
    worst = np.where(known.any(0), np.where(known, lines, 0.0).max(0), np.nan)
    return np.where(is_place[:, None], distance, worst), is_place


def _line_distance(a: _View, b: _View, seen_a: FloatArray, at: NDArray[np.bool_]) -> FloatArray:
    """Epipolar distance (S, P) of what b sees to joints (S, 12, 2) of a, 1 at the limit.

    NaN except at the ticks (S,).
    """
    R = b.R @ a.R.T
    t = b.t - R @ a.t
    E = skew(t / np.linalg.norm(t)) @ R
    xy = b.xy[at]
    away = np.sqrt(sampson(E, np.broadcast_to(seen_a[at, None], xy.shape), xy))
    distance = np.full(b.track.shape, np.nan)
    distance[at] = _median_joint(away) / (_LINE * b.size[at])
    return distance


def _median_joint(away: FloatArray) -> FloatArray:
    """Median over the joints of (..., 12); NaN where too few are known."""
    known = np.isfinite(away).sum(-1) >= _MIN_JOINTS
    middle = np.full(known.shape, np.nan)
    middle[known] = np.nanmedian(away[known], axis=-1)
    return middle


def _medians(view: _View, distance: FloatArray) -> Iterator[tuple[int, float]]:
    """Median distance of each track that is known at enough ticks."""
    at = np.isfinite(distance) & (view.track >= 0)
    tracks, values = view.track[at], distance[at]
    for track in np.unique(tracks):
        of_track = values[tracks == track]
        if len(of_track) >= _MIN_SAMPLES:
            yield int(track), float(np.median(of_track))


def _revived(views: list[_View], tracks: Tracks) -> Tracks:
    """The two tracks of two cameras that most surely are one person while nobody sees the subject.

    After everybody has lost the subject there is nothing to compare with; two new tracks that lie
    on each other's lines for a while are the same person, and then the only one to follow.
    """
    lost = ~np.any([v.present(t) for v, t in zip(views, tracks, strict=True)], axis=0)
    best: tuple[int, int, int, int, int] | None = None
    for c, d in combinations(range(len(views)), 2):
        for a in np.unique(views[c].track[lost]):
            if a < 0 or _coincides(views[c], int(a), tracks[c]):
                continue
            seen = views[c].of(frozenset([int(a)]))
            distance = _line_distance(views[c], views[d], seen, lost)
            known = np.isfinite(distance)
            for b, median in _medians(views[d], distance):
                count = int((known & (views[d].track == b)).sum())
                longer = best is None or count > best[0]
                if median < 1.0 and longer and not _coincides(views[d], b, tracks[d]):
                    best = (count, c, int(a), d, b)
    if best is None:
        return tracks
    _, c, a, d, b = best
    return tuple(t | ({a} if i == c else {b} if i == d else set()) for i, t in enumerate(tracks))
