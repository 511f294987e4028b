"""Join the tracks of one person into a whole, once the cameras are known.

Whoever leaves a view and returns comes back under a new track number. The cameras tell which tracks
are one person: joints seen by two other cameras have a place in the image, joints seen by one other
camera a line.
"""

from itertools import combinations

import numpy as np

from gentri.data import Detections, Rig
from gentri.people.comparison import Comparison, Tracks, View, track_medians
from gentri.people.subject import Subject, slots_of_tracks

_SAMPLES = 1500  # ticks looked at, spread over the recording: bounds memory and time
_ROUNDS = 50

# A track this many times over the limit is somebody else.
_FOREIGN = 4.0
# A camera sees a person once: share of a track that may coincide with tracks already joined.
_OVERLAP = 0.2


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
        View.of(detections[camera.name], camera, frame_s, ticks, min_score)
        for camera, frame_s in zip(rig.cameras, subject.frame_s, strict=True)
    ]
    joined = _grown(Comparison(views), _tracks_of(detections, subject))
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


def _grown(comparison: Comparison, tracks: Tracks) -> Tracks:
    """Add and remove tracks until nothing changes."""
    for _ in range(_ROUNDS):
        now = tuple(_judged(comparison, tracks, c) for c in range(len(tracks)))
        if now == tracks:
            now = _revived(comparison, tracks)
        if now == tracks:
            break
        tracks = now
    return tracks


def _judged(comparison: Comparison, tracks: Tracks, c: int) -> frozenset[int]:
    """The tracks of camera c that are the subject according to all other cameras."""
    view = comparison.views[c]
    distance, is_place = comparison.distance(tracks, c)
    verdict = {t: median for t, median, _ in track_medians(view.track, distance)}
    at_places = track_medians(view.track[is_place], distance[is_place])
    sure = {t: median for t, median, _ in at_places}
    kept = {t for t in tracks[c] if sure.get(t, 0.0) < _FOREIGN}
    for track in sorted(verdict, key=lambda t: verdict[t]):
        if verdict[track] < 1.0 and not _coincides(view, track, frozenset(kept)):
            kept.add(track)
    return frozenset(kept)


def _coincides(view: View, track: int, tracks: frozenset[int]) -> bool:
    here = view.present(frozenset([track]))
    return bool((here & view.present(tracks - {track})).sum() > _OVERLAP * here.sum())


def _revived(comparison: Comparison, tracks: Tracks) -> Tracks:
    """The two tracks of two cameras that most surely are one person while nobody sees the subject.

    After everybody has lost the subject there is nothing to compare with; two new tracks that lie
    on each other's lines for a while are the same person, and then the only one to follow.
    """
    views = comparison.views
    lost = ~np.any([v.present(t) for v, t in zip(views, tracks, strict=True)], axis=0)
    best: tuple[int, int, int, int, int] | None = None
    for c, d in combinations(range(len(views)), 2):
        for a in np.unique(views[c].track[lost]):
            if a < 0 or _coincides(views[c], int(a), tracks[c]):
                continue
            at, distance = comparison.lines(c, int(a), d)
            here = lost[at]
            for b, median, count in track_medians(views[d].track[at[here]], distance[here]):
                longer = best is None or count > best[0]
                if median < 1.0 and longer and not _coincides(views[d], b, tracks[d]):
                    best = (count, c, int(a), d, b)
    if best is None:
        return tracks
    _, c, a, d, b = best
    return tuple(t | ({a} if i == c else {b} if i == d else set()) for i, t in enumerate(tracks))
