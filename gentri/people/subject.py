"""The one person to reconstruct: which detection in which view and frame is the subject.

Chosen as the person most seen, most moving, and moving the same way in all views.
"""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gentri.data import Detections, FloatArray, Keypoints2D, Timeline
from gentri.errors import InputError, UsageError
from gentri.geometry.two_view import relative_pose_of_frames
from gentri.ticks import at_ticks, common_ticks

_CANDIDATES = 4  # longest tracks per view that can be the subject
_MIN_SHARE = 0.05  # of the ticks, below which a track is noise
_PAIR_FRAMES = 60  # frames compared per pair of tracks
_FOCAL_GUESS = 1.2  # of the shorter image side; the inlier share hardly depends on it
_PAIR_THRESHOLD = 0.02  # of the person's box diagonal

# Two people who stand still fit any geometry: agreement counts only together with motion. A person
# who moves by this share of the own size counts in full.
_FULL_MOTION = 0.5
# Agreement between views outweighs how long a track is.
_AGREEMENT_WEIGHT = 2.0


@dataclass(frozen=True, eq=False)
class Subject:
    """The subject's place in the detections of every camera.

    Attributes:
        cameras: names, length C.
        slot: for each camera (T_c,) int32, person axis of `Detections`, −1 where absent.
        frame_s: for each camera (T_c,) float64, when its frames were taken.
        time_s: (T,) common ticks.
    """

    cameras: tuple[str, ...]
    slot: tuple[NDArray[np.int32], ...]
    frame_s: tuple[FloatArray, ...]
    time_s: FloatArray

    def save(self, path: Path) -> None:
        """Write `subject.npz` to exactly this path."""
        slots = {f"slot_{i:03d}": s for i, s in enumerate(self.slot)}
        frames = {f"frame_s_{i:03d}": t for i, t in enumerate(self.frame_s)}
        with path.open("wb") as file:
            np.savez(file, cameras=np.array(self.cameras), time_s=self.time_s, **slots, **frames)

    @classmethod
    def load(cls, path: Path) -> "Subject":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as z:
            cameras = tuple(str(n) for n in z["cameras"])
            slot, frame_s = (
                tuple(z[f"{key}_{i:03d}"] for i in range(len(cameras)))
                for key in ("slot", "frame_s")
            )
            return cls(cameras, slot, frame_s, z["time_s"])


@dataclass(frozen=True, eq=False)
class _Candidate:
    tracks: tuple[int, ...]
    xy: FloatArray  # (T, J, 2) at the ticks
    share: float
    motion: float

    @property
    def merit(self) -> float:
        return self.share * (0.2 + min(self.motion / _FULL_MOTION, 1.0))


def subject_keypoints(detect: Path, calibrate: Path) -> Keypoints2D:
    """The subject's keypoints in all cameras at the common ticks.

    Args:
        detect: folder of `<camera>.npz`.
        calibrate: folder of `subject.npz`.
    """
    subject = Subject.load(calibrate / "subject.npz")
    return gather_keypoints(
        {n: Detections.load(detect / f"{n}.npz") for n in subject.cameras}, subject
    )


def gather_keypoints(detections: dict[str, Detections], subject: Subject) -> Keypoints2D:
    """The subject's keypoints in all cameras at the common ticks, from loaded detections."""
    xy, score = [], []
    for name, slot, frame_s in zip(subject.cameras, subject.slot, subject.frame_s, strict=True):
        at = at_ticks(*single_person(detections[name], slot), frame_s, subject.time_s)
        xy.append(at[0])
        score.append(at[1])
    views = [detections[n] for n in subject.cameras]
    size = np.array([(v.width, v.height) for v in views], dtype=np.int32)
    skeleton = views[0].skeleton
    return Keypoints2D(
        np.stack(xy), np.stack(score), subject.time_s, subject.cameras, size, skeleton
    )


def single_person(seen: Detections, slot: NDArray[np.int32]) -> tuple[FloatArray, FloatArray]:
    """Keypoints (T, J, 2) and scores (T, J) of one slot per frame; NaN where the slot is −1."""
    rows = np.arange(len(slot))
    xy, score = seen.xy_px[rows, slot], seen.score[rows, slot]
    xy[slot < 0], score[slot < 0] = np.nan, np.nan
    return xy, score


def slots_of_tracks(seen: Detections, tracks: tuple[int, ...]) -> NDArray[np.int32]:
    """Person axis of the first of these tracks present in each frame, (T,); −1 where none is."""
    slot = np.full(len(seen.track), -1, dtype=np.int32)
    for track in reversed(tracks):
        here = seen.track == track
        slot = np.where(here.any(-1), here.argmax(-1), slot).astype(np.int32)
    return slot


def choose_subject(
    detections: dict[str, Detections], timeline: Timeline, named: dict[str, int]
) -> Subject:
    """Pick the subject in every camera.

    Args:
        detections: per camera.
        timeline: frame times.
        named: camera → track for cameras where the user said who it is.

    Raises:
        InputError: fewer than two cameras see anyone, or the recordings do not overlap.
        UsageError: `named` speaks of a camera or track that does not exist.
    """
    names = timeline.cameras
    ticks = common_ticks(names, timeline.time_s)
    _check_named(detections, named)
    options = []
    for name, time in zip(names, timeline.time_s, strict=True):
        tracks = [named[name]] if name in named else _long_tracks(detections[name])
        options.append([_candidate(detections[name], t, time, ticks) for t in tracks])
    _refuse_unseen(names, options)
    picked = _most_consistent(options, [detections[n] for n in names])
    slots = tuple(
        slots_of_tracks(detections[n], options[c][picked[c]].tracks) for c, n in enumerate(names)
    )
    return Subject(names, slots, timeline.time_s, ticks)


def _check_named(detections: dict[str, Detections], named: dict[str, int]) -> None:
    for name, track in named.items():
        if name not in detections:
            raise UsageError(f"no camera is named {name!r}", f"cameras: {', '.join(detections)}")
        known = np.unique(detections[name].track)
        if track not in known[known >= 0]:
            raise UsageError(
                f"camera {name} has no track {track}",
                f"its tracks are {', '.join(str(k) for k in known[known >= 0])}; "
                "the numbers stand beside the people in the overlay videos",
            )


def _refuse_unseen(names: tuple[str, ...], options: list[list[_Candidate]]) -> None:
    blind = [n for n, o in zip(names, options, strict=True) if not o]
    if blind:
        raise InputError(
            f"nobody was found in {', '.join(blind)} during the time that all cameras share",
            "leave this camera out, or check that it shows a whole person, upright and not too small",
        )


def _long_tracks(seen: Detections) -> list[int]:
    tracks, counts = np.unique(seen.track[seen.track >= 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_CANDIDATES]
    return [int(tracks[i]) for i in order if counts[i] >= max(2, _MIN_SHARE * len(seen.track))]


def _candidate(seen: Detections, track: int, time_s: FloatArray, ticks: FloatArray) -> _Candidate:
    xy, score = single_person(seen, slots_of_tracks(seen, (track,)))
    xy, score = at_ticks(xy, score, time_s, ticks)
    body = xy[:, seen.skeleton.body].astype(np.float64)
    present = np.isfinite(body).all(-1).sum(-1) >= 6
    if not present.any():
        return _Candidate((track,), body, 0.0, 0.0)
    body[~present] = np.nan
    return _Candidate((track,), body, float(present.mean()), motion_of(body[present]))


def motion_of(xy: FloatArray) -> float:
    """How far joints (T, J, 2) wander from their median place, in body sizes."""
    size = np.nanmedian(np.linalg.norm(np.nanmax(xy, axis=1) - np.nanmin(xy, axis=1), axis=-1))
    wander = np.linalg.norm(xy - np.nanmedian(xy, axis=0), axis=-1)
    return float(np.nanquantile(wander, 0.9) / max(size, 1e-9))


def _agreement(
    a: _Candidate, b: _Candidate, size_a: float, size_b: float, mirror: FloatArray
) -> float:
    """Share of joints of both tracks on one epipolar geometry, times the share of common ticks."""
    both = np.isfinite(a.xy).all(-1).any(-1) & np.isfinite(b.xy).all(-1).any(-1)
    at = np.flatnonzero(both)
    if len(at) < 5:
        return 0.0
    at = at[np.linspace(0, len(at) - 1, min(len(at), _PAIR_FRAMES)).astype(int)]
    xy_a, xy_b = a.xy[at] / (_FOCAL_GUESS * size_a), b.xy[at] / (_FOCAL_GUESS * size_b)
    size = np.nanmedian(np.linalg.norm(np.nanmax(xy_a, 1) - np.nanmin(xy_a, 1), axis=-1))
    pose, _ = relative_pose_of_frames(xy_a, xy_b, _PAIR_THRESHOLD * size, mirror)
    if pose is None:
        return 0.0
    moving = min(1.0, min(a.motion, b.motion) / _FULL_MOTION)
    return float(pose.inlier.mean() * pose.in_front * both.mean() * moving)


def _most_consistent(options: list[list[_Candidate]], detections: list[Detections]) -> list[int]:
    """One candidate per camera that maximises merit and pairwise agreement (iterated conditional modes)."""
    count = len(options)
    if all(len(o) == 1 for o in options):
        return [0] * count
    body = detections[0].skeleton.body
    mirror = np.array(
        [int(np.flatnonzero(body == detections[0].skeleton.mirror[j])[0]) for j in body]
    )
    side = [float(min(d.width, d.height)) for d in detections]
    middle = [(np.array([d.width, d.height]) - 1) / 2 for d in detections]
    centered = [
        [_Candidate(o.tracks, o.xy - middle[c], o.share, o.motion) for o in options[c]]
        for c in range(count)
    ]
    score = {
        (c, i, d, j): _agreement(a, b, side[c], side[d], mirror)
        for c, d in combinations(range(count), 2)
        for i, a in enumerate(centered[c])
        for j, b in enumerate(centered[d])
    }

    def gain(c: int, i: int, picked: list[int]) -> float:
        others = sum(
            score[(c, i, d, picked[d]) if c < d else (d, picked[d], c, i)]
            for d in range(count)
            if d != c
        )
        return options[c][i].merit + _AGREEMENT_WEIGHT * others / (count - 1)

    def climb(picked: list[int]) -> tuple[float, list[int]]:
        for _ in range(10):
            before = list(picked)
            for c in range(count):
                picked[c] = max(range(len(options[c])), key=lambda i, c=c: gain(c, i, picked))
            if picked == before:
                break
        return sum(gain(c, i, picked) for c, i in enumerate(picked)), picked

    best_alone = [max(range(len(o)), key=lambda i, o=o: o[i].merit) for o in options]
    starts = [
        [i if d == c else best_alone[d] for d in range(count)]
        for c in range(count)
        for i in range(len(options[c]))
    ]
    return max((climb(s) for s in starts), key=lambda r: r[0])[1]
