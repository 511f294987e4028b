"""What methods are compared on: detections, cameras and the truth of the same moments."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.data.arrays import check_array
from gentri.errors import InputError
from gentri.skeletons import Skeleton

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Clips of people before one rig. A clip is one person, without a break.

    Attributes:
        name: of the set, for tables.
        rig: C cameras.
        keypoints: detections (C, T, J), clip after clip.
        truth: (T, J, 3) float64, metres, rig world; NaN where not known, and where it is not to be
            asked for.
        clip: (T,) int32, ascending numbers of clips.
    """

    name: str
    rig: Rig
    keypoints: Keypoints2D
    truth: FloatArray
    clip: NDArray[np.int32]

    def __post_init__(self) -> None:
        ticks, joints = len(self.keypoints.time_s), len(self.skeleton)
        check_array("EvaluationSet", "truth", self.truth, (ticks, joints, 3), "float64")
        check_array("EvaluationSet", "clip", self.clip, (ticks,), "int32")
        if (np.diff(self.clip) < 0).any():
            raise ValueError(
                "EvaluationSet.clip: the ticks of a clip must stand together, in order"
            )
        if self.rig.names != self.keypoints.cameras:
            raise ValueError(
                f"EvaluationSet: the rig has {self.rig.names}, keypoints {self.keypoints.cameras}"
            )

    @property
    def skeleton(self) -> Skeleton:
        """Joint set of detections and truth."""
        return self.keypoints.skeleton

    def select(self, cameras: Sequence[str]) -> "EvaluationSet":
        """The same clips in the views of these cameras alone."""
        names = tuple(cameras)
        at = [self.rig.names.index(name) for name in names]
        keypoints = replace(
            self.keypoints,
            xy_px=self.keypoints.xy_px[at],
            score=self.keypoints.score[at],
            size_px=self.keypoints.size_px[at],
            cameras=names,
        )
        return replace(self, rig=self.rig.select(names), keypoints=keypoints)

    def asked_every(self, ticks: int) -> "EvaluationSet":
        """With the truth of each n-th tick of every clip alone; methods still see all ticks."""
        asked = np.concatenate([np.arange(len(part)) % ticks == 0 for _, part in self.parts()])
        return replace(self, truth=np.where(asked[:, None, None], self.truth, np.nan))

    def why_unmeasured(self) -> str:
        """Why no method can measure anything of it; empty where one can."""
        known = np.isfinite(self.truth).all(axis=-1)
        if not known.any():
            return f"the truth has none of the joints of the detections ({self.skeleton.name})"
        seen = np.isfinite(self.keypoints.xy_px).all(axis=-1) & (self.keypoints.score > 0)
        if not (known & (seen.sum(axis=0) >= 2)).any():
            return "no two cameras detected a joint of which the truth is known"
        return ""

    def parts(self) -> Iterator[tuple[Keypoints2D, FloatArray]]:
        """Detections and truth of one clip after the other."""
        cuts = [0, *(np.flatnonzero(np.diff(self.clip)) + 1), len(self.clip)]
        for first, last in pairwise(cuts):
            keypoints = replace(
                self.keypoints,
                xy_px=self.keypoints.xy_px[:, first:last],
                score=self.keypoints.score[:, first:last],
                time_s=self.keypoints.time_s[first:last],
            )
            yield keypoints, self.truth[first:last]


def check_measurable(sets: Sequence[EvaluationSet]) -> None:
    """Say of which sets nothing can be measured, and why.

    Raises:
        InputError: of none can anything be.
    """
    found = {one.name: one.why_unmeasured() for one in sets}
    said = [
        f"nothing can be measured of {', '.join(n for n in found if found[n] == why)}: {why}"
        for why in dict.fromkeys(filter(None, found.values()))
    ]
    if all(found.values()):
        raise InputError(
            "; ".join(said),
            "give detections of the frames and cameras of the truth, with joints in common",
        )
    for line in said:
        _LOG.info(line)


def mapped(xyz: FloatArray, joints: Sequence[str], skeleton: Skeleton) -> FloatArray:
    """Joints (..., J, 3) as those of a joint set, by their names; NaN for those without any."""
    out = np.full((*xyz.shape[:-2], len(skeleton), 3), np.nan)
    for place, joint in enumerate(joints):
        if joint in skeleton.joints:
            out[..., skeleton.index(joint), :] = xyz[..., place, :]
    return out


def joined(name: str, rig: Rig, clips: Sequence[tuple[Keypoints2D, FloatArray]]) -> EvaluationSet:
    """One set of clips before one rig.

    Args:
        name: of the set.
        rig: the cameras of all clips.
        clips: detections (C, T, J) and truth (T, J, 3), at least one of them.
    """
    first = clips[0][0]
    keypoints = replace(
        first,
        xy_px=np.concatenate([k.xy_px for k, _ in clips], axis=1),
        score=np.concatenate([k.score for k, _ in clips], axis=1),
        time_s=np.concatenate([k.time_s for k, _ in clips]),
    )
    clip = np.repeat(np.arange(len(clips), dtype=np.int32), [len(k.time_s) for k, _ in clips])
    return EvaluationSet(name, rig, keypoints, np.concatenate([truth for _, truth in clips]), clip)
