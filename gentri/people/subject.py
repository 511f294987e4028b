"""The one person to reconstruct: the place of this person in the detections of every camera."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gentri.data import Detections, FloatArray, Keypoints2D
from gentri.ticks import at_ticks


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
        arrays: dict[str, Any] = {"cameras": np.array(self.cameras), "time_s": self.time_s}
        arrays |= {f"slot_{i:03d}": slot for i, slot in enumerate(self.slot)}
        arrays |= {f"frame_s_{i:03d}": time for i, time in enumerate(self.frame_s)}
        with path.open("wb") as file:
            np.savez(file, **arrays)

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


def subject_keypoints(detect: Path, calibrate: Path, min_score: float) -> Keypoints2D:
    """The subject's keypoints in all cameras at the common ticks.

    Args:
        detect: folder of `<camera>.npz`.
        calibrate: folder of `subject.npz`.
        min_score: joints below are not there: detectors give a place to hidden joints, too.
    """
    subject = Subject.load(calibrate / "subject.npz")
    detections = {n: Detections.load(detect / f"{n}.npz") for n in subject.cameras}
    return gather_keypoints(detections, subject, min_score)


def gather_keypoints(
    detections: dict[str, Detections], subject: Subject, min_score: float
) -> Keypoints2D:
    """The subject's keypoints in all cameras at the common ticks, from loaded detections."""
    xy, score = [], []
    for name, slot, frame_s in zip(subject.cameras, subject.slot, subject.frame_s, strict=True):
        person = single_person(detections[name], slot, min_score)
        at = at_ticks(*person, frame_s, subject.time_s)
        xy.append(at[0])
        score.append(at[1])
    views = [detections[n] for n in subject.cameras]
    size = np.array([(v.width, v.height) for v in views], dtype=np.int32)
    skeleton = views[0].skeleton
    return Keypoints2D(
        np.stack(xy), np.stack(score), subject.time_s, subject.cameras, size, skeleton
    )


def single_person(
    seen: Detections, slot: NDArray[np.int32], min_score: float
) -> tuple[FloatArray, FloatArray]:
    """Keypoints (T, J, 2) and scores (T, J) of one slot per frame.

    NaN where the slot is −1 and where the score is lower than `min_score`.
    """
    rows = np.arange(len(slot))
    xy, score = seen.xy_px[rows, slot], seen.score[rows, slot]
    absent = (slot < 0)[:, None] | ~(score >= min_score)
    xy[absent], score[absent] = np.nan, np.nan
    return xy, score


def slots_of_tracks(seen: Detections, tracks: tuple[int, ...]) -> NDArray[np.int32]:
    """Person axis of the first of these tracks present in each frame, (T,); −1 where none is."""
    unlisted = len(tracks)
    rank = np.full(max(int(seen.track.max(initial=-1)), *tracks, -1) + 2, unlisted)
    rank[list(tracks)] = np.arange(unlisted)  # the last entry is that of −1, an empty place
    ranked = rank[seen.track]
    return np.where(ranked.min(-1) < unlisted, ranked.argmin(-1), -1).astype(np.int32)
