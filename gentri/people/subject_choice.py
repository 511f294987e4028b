"""Who the subject is: the person most seen, most moving, and moving the same way in all views."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gentri.data import Detections, FloatArray, Timeline
from gentri.errors import InputError, UsageError
from gentri.geometry.epipolar import RelativePose, sampson, skew
from gentri.geometry.sample import MIRROR
from gentri.geometry.two_view import relative_pose_of_frames
from gentri.geometry.two_view_solvers import poselib
from gentri.people.consistent_choice import Choice
from gentri.people.subject import Subject, single_person, slots_of_tracks
from gentri.ticks import at_ticks, common_ticks, frame_period, nearest_frames

_CANDIDATES = 6  # tracks per view that can be the subject, those of most merit
_MIN_SECONDS = 0.3  # below which a track is noise
_MIN_FRAMES = 5
# A track counts in full from this length on: whoever walks loses the track more often than whoever
# stands in the background for the whole recording.
_FULL_SECONDS = 2.0
_MIN_JOINTS = 6  # of the 12 body joints, for a frame to show the person

_PAIR_FRAMES = 40  # frames compared per pair of tracks, at most
_MIN_PAIR_FRAMES = 5
_FOCAL_GUESS = 1.2  # of the shorter image side; the inlier share hardly depends on it
_PAIR_THRESHOLD = 0.02  # of the person's box diagonal

_MOTION_FRAMES = 500  # looked at, spread over the recording: bounds the time
# Two people who stand still fit any geometry: agreement counts only together with motion. A person
# who moves by this share of the own size counts in full.
_FULL_MOTION = 0.5
_STILL_MERIT = 0.2  # of a person who does not move, against 1.2 for full motion
_STRANGER_TICKS = 1000  # looked at in a pair of views, spread over the recording
# A track that keeps to their geometry in less than this share of what all do is somebody else's.
_STRANGER = 0.4
# Cameras that each one is compared with: the next ones around, to either side. With more, the cost
# would grow with the square of the cameras.
_PARTNERS = 6


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One or more tracks of one camera that may be the subject.

    Attributes:
        tracks: in-view identities.
        xy: (T, 12, 2) body joints at the common ticks, normalised by a guessed focal length; NaN
            where the person is not shown.
        track: (T,) which of the tracks a tick shows, −1 for none.
        weight: 0 to 1 for the time that shows the person.
        motion: see `motion_of`.
        period_s: of the ticks.
    """

    tracks: tuple[int, ...]
    xy: FloatArray
    track: NDArray[np.int32]
    weight: float
    motion: float
    period_s: float

    @property
    def merit(self) -> float:
        """What speaks for this track in its own view."""
        return self.weight * (_STILL_MERIT + min(self.motion / _FULL_MOTION, 1.0))


def choose_subject(
    detections: dict[str, Detections],
    timeline: Timeline,
    named: dict[str, tuple[int, ...]],
    min_score: float,
) -> Subject:
    """Pick the subject in every camera.

    Args:
        detections: per camera.
        timeline: frame times.
        named: camera → tracks for cameras where the user said who it is.
        min_score: joints below are not there.

    Raises:
        InputError: fewer than two cameras see anyone, or the recordings do not overlap.
        UsageError: `named` speaks of a camera or track that does not exist.
    """
    names = timeline.cameras
    ticks = common_ticks(names, timeline.time_s)
    _check_named(detections, named)
    options = []
    for name, frame_s in zip(names, timeline.time_s, strict=True):
        seen = detections[name]
        tracks = [named[name]] if name in named else _who_may_be_it(seen, frame_s)
        found = [_candidate(seen, t, frame_s, ticks, min_score) for t in tracks]
        found = [candidate for candidate in found if candidate.weight > 0]
        options.append(sorted(found, key=lambda f: -f.merit)[:_CANDIDATES])
    _refuse_unseen(names, options)
    chosen = [
        candidates[i] for candidates, i in zip(options, _most_consistent(options), strict=True)
    ]
    held = [name in named for name in names]
    slots = tuple(
        slots_of_tracks(detections[name], tracks)
        for name, tracks in zip(names, _without_strangers(chosen, held), strict=True)
    )
    return Subject(names, slots, timeline.time_s, ticks)


def shows_person(xy: FloatArray) -> NDArray[np.bool_]:
    """Frames (T,) in which at least half of the body joints (T, 12, 2) are seen."""
    seen = np.isfinite(xy[..., 0]) & np.isfinite(xy[..., 1])
    return np.asarray(seen.sum(-1) >= _MIN_JOINTS)


def motion_of(xy: FloatArray) -> float:
    """How far joints (T, J, 2) wander from their median place, in body sizes.

    Only frames that show the person count; 0 when there are none.
    """
    shown = np.flatnonzero(shows_person(xy))
    shown = xy[shown[:: -(-len(shown) // _MOTION_FRAMES) or 1]]
    if not len(shown):
        return 0.0
    shown = shown[:, np.isfinite(shown).any(axis=(0, 2))]  # joints that are ever seen
    size = np.nanmedian(
        np.linalg.norm(np.nanmax(shown, axis=1) - np.nanmin(shown, axis=1), axis=-1)
    )
    wander = np.linalg.norm(shown - np.nanmedian(shown, axis=0), axis=-1)
    return float(np.nanquantile(wander, 0.9) / max(size, 1e-9))


def _check_named(detections: dict[str, Detections], named: dict[str, tuple[int, ...]]) -> None:
    for name, tracks in named.items():
        if name not in detections:
            raise UsageError(f"no camera is named {name!r}", f"cameras: {', '.join(detections)}")
        known = np.unique(detections[name].track)
        known = known[known >= 0]
        for track in tracks:
            if track not in known:
                raise UsageError(
                    f"camera {name} has no track {track}",
                    f"its tracks are {', '.join(str(k) for k in known)}; "
                    "the numbers stand beside the people in the overlay videos",
                )


def _refuse_unseen(names: tuple[str, ...], options: list[list[_Candidate]]) -> None:
    blind = [n for n, o in zip(names, options, strict=True) if not o]
    if blind:
        raise InputError(
            f"nobody was found for {_MIN_SECONDS} s on end in {', '.join(blind)} "
            "during the time that all cameras share",
            "leave this camera out, or check that it shows a whole person, upright and not too "
            "small",
        )


def _who_may_be_it(seen: Detections, frame_s: FloatArray) -> list[tuple[int, ...]]:
    """The tracks of a camera that are no flicker; as one where no two are ever together."""
    tracks, counts = np.unique(seen.track[seen.track >= 0], return_counts=True)
    lasting = min(_MIN_SECONDS / frame_period(frame_s), len(frame_s) / 2)
    enough = tracks[counts >= max(_MIN_FRAMES, lasting)]
    if len(enough) and np.isin(seen.track, enough).sum(-1).max() == 1:
        return [tuple(enough.tolist())]
    return [(track,) for track in enough.tolist()]


def _candidate(
    seen: Detections,
    tracks: tuple[int, ...],
    frame_s: FloatArray,
    ticks: FloatArray,
    min_score: float,
) -> _Candidate:
    period_s = frame_period(ticks)
    slot = slots_of_tracks(seen, tracks)
    # A long recording has many short tracks: only their own time is looked at.
    first, last = np.flatnonzero(slot >= 0)[[0, -1]]
    reach_s = max(frame_period(frame_s), period_s)
    at = (ticks >= frame_s[first] - reach_s) & (ticks <= frame_s[last] + reach_s)
    own = slice(max(first - 1, 0), last + 2)
    seen, slot, frame_s = seen.part(own), slot[own], frame_s[own]
    xy, score = single_person(seen, slot, min_score)
    joints = seen.skeleton.body
    body = at_ticks(xy[:, joints], score[:, joints], frame_s, ticks[at])[0].astype(np.float64)
    shown = shows_person(body)
    body[~shown] = np.nan
    middle = (np.array([seen.width, seen.height]) - 1) / 2
    rays = np.full((len(ticks), *body.shape[1:]), np.nan)
    rays[at] = (body - middle) / (_FOCAL_GUESS * min(seen.width, seen.height))
    frame, _ = nearest_frames(frame_s, ticks[at])
    track = np.full(len(ticks), -1, dtype=np.int32)
    track[at] = np.where(shown & (slot[frame] >= 0), seen.track[frame, slot[frame]], -1)
    weight = _weight_of(shown, period_s)
    return _Candidate(tracks, rays, track, weight, motion_of(body), period_s)


def _weight_of(shown: NDArray[np.bool_], period_s: float) -> float:
    """0 to 1 for the time that ticks (T,) show somebody."""
    return min(float(shown.sum()) * period_s / _FULL_SECONDS, 1.0) if shown.any() else 0.0


def _agreement(a: _Candidate, b: _Candidate) -> float:
    """Share of joints of both tracks on one epipolar geometry, less for a short common time."""
    both = _both_shown(a, b)
    found = _common_geometry(a, b, np.flatnonzero(both))
    if found is None:
        return 0.0
    pose, _ = found
    moving = min(1.0, min(a.motion, b.motion) / _FULL_MOTION)
    return float(pose.inlier.mean() * pose.in_front * _weight_of(both, a.period_s) * moving)


def _both_shown(a: _Candidate, b: _Candidate) -> NDArray[np.bool_]:
    """Ticks (T,)."""
    return (a.track >= 0) & (b.track >= 0)


def _common_geometry(
    a: _Candidate, b: _Candidate, at: NDArray[np.int64]
) -> tuple[RelativePose, float] | None:
    """Relative pose from some of the ticks (N,) at which both are shown, and its threshold."""
    if len(at) < _MIN_PAIR_FRAMES:
        return None
    at = _spread(at, _PAIR_FRAMES)
    low, high = np.nanmin(a.xy[at], axis=1), np.nanmax(a.xy[at], axis=1)
    threshold = _PAIR_THRESHOLD * float(np.median(np.linalg.norm(high - low, axis=-1)))
    pose, _ = relative_pose_of_frames(a.xy[at], b.xy[at], threshold, MIRROR, solver=poselib)
    return None if pose is None else (pose, threshold)


def _spread(at: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """At most so many of the ticks (N,), evenly."""
    return at[np.linspace(0, len(at) - 1, min(len(at), count)).astype(int)]


def _without_strangers(chosen: list[_Candidate], held: list[bool]) -> list[tuple[int, ...]]:
    """The tracks of each camera less those of somebody else.

    Whoever is always alone in a view need not be one and the same: the operator passes one camera,
    a visitor comes after the subject has left. Such tracks do not keep to the geometry that the
    subject's make between two views. Where they outnumber the subject's, nothing tells.

    Args:
        chosen: one candidate per camera.
        held: for each camera, whether its tracks were named and stay.
    """
    votes: dict[tuple[int, int], list[bool]] = {}
    for c, d in _compared(len(chosen)):
        a, b = chosen[c], chosen[d]
        at = np.flatnonzero(_both_shown(a, b))
        found = None
        if len(a.tracks) > 1 or len(b.tracks) > 1:
            found = _common_geometry(a, b, at)
        if found is None:
            continue
        pose, threshold = found
        at = _spread(at, _STRANGER_TICKS)
        fits = _fits(skew(pose.t) @ pose.R, a.xy[at], b.xy[at], threshold)
        if fits.mean() < 0.5:  # a focal length far from the guess, or nobody in common
            continue
        for camera, tracks in ((c, a.track[at]), (d, b.track[at])):
            for track in np.unique(tracks):
                own = fits[tracks == track]
                if len(own) >= _MIN_PAIR_FRAMES:
                    votes.setdefault((camera, int(track)), []).append(
                        own.mean() >= _STRANGER * fits.mean()
                    )
    strangers = {of for of, fit in votes.items() if np.mean(fit) < 0.5}
    kept = [
        candidate.tracks
        if held[c]
        else tuple(t for t in candidate.tracks if (c, t) not in strangers)
        for c, candidate in enumerate(chosen)
    ]
    return [some or candidate.tracks for some, candidate in zip(kept, chosen, strict=True)]


def _fits(E: FloatArray, a: FloatArray, b: FloatArray, threshold: float) -> NDArray[np.bool_]:
    """Ticks (N,) at which most joints (N, 12, 2) of two views lie on one epipolar geometry."""

    def share(labelled: FloatArray) -> FloatArray:
        away = sampson(E, a, labelled)
        return (away < threshold**2).sum(-1) / np.maximum(np.isfinite(away).sum(-1), 1)

    return np.maximum(share(b), share(b[:, MIRROR])) >= 0.5


def _most_consistent(options: list[list[_Candidate]]) -> list[int]:
    """The candidate of each camera for the greatest total gain."""
    if all(len(o) == 1 for o in options):
        return [0] * len(options)
    merit = [np.array([candidate.merit for candidate in o]) for o in options]
    agreement = {}
    for c, d in _compared(len(options)):
        pairs = np.array([[_agreement(a, b) for b in options[d]] for a in options[c]])
        agreement[c, d], agreement[d, c] = pairs, pairs.T
    return Choice(merit, agreement).best()


def _compared(cameras: int) -> list[tuple[int, int]]:
    """Pairs of cameras that are compared."""
    pairs = combinations(range(cameras), 2)
    return [(c, d) for c, d in pairs if min(d - c, c + cameras - d) <= _PARTNERS // 2]
