"""Everyone whom one camera saw."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gentri.data.arrays import FloatArray, PathLike, check_array
from gentri.skeletons import Skeleton, skeleton


@dataclass(frozen=True, eq=False)
class Detections:
    """Everyone seen by one camera. Empty person slots hold NaN and track −1.

    Attributes:
        xy_px: (T, P, J, 2) float32, in the original, distorted video frame.
        score: (T, P, J) float32, 0–1.
        box_px: (T, P, 4) float32, x0 y0 x1 y1.
        track: (T, P) int32, in-view identity, −1 for an empty slot.
        width, height: of the upright video frame, pixels.
        skeleton: joint set.
    """

    xy_px: FloatArray
    score: FloatArray
    box_px: FloatArray
    track: NDArray[np.int32]
    width: int
    height: int
    skeleton: Skeleton

    def __post_init__(self) -> None:
        t, p = self.track.shape
        j = len(self.skeleton)
        check_array("Detections", "xy_px", self.xy_px, (t, p, j, 2), "float32")
        check_array("Detections", "score", self.score, (t, p, j), "float32")
        check_array("Detections", "box_px", self.box_px, (t, p, 4), "float32")
        check_array("Detections", "track", self.track, (t, p), "int32")

    def part(self, frames: slice) -> "Detections":
        """A run of frames, without a copy."""
        return replace(
            self,
            xy_px=self.xy_px[frames],
            score=self.score[frames],
            box_px=self.box_px[frames],
            track=self.track[frames],
        )

    def save(self, path: PathLike) -> None:
        """Write the npz of `detect/<camera>.npz` to exactly this path."""
        with open(path, "wb") as file:
            np.savez(
                file,
                xy_px=self.xy_px,
                score=self.score,
                box_px=self.box_px,
                track=self.track,
                size_px=np.array([self.width, self.height], dtype=np.int32),
                skeleton=np.array(self.skeleton.name),
            )

    @classmethod
    def load(cls, path: PathLike) -> "Detections":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as z:
            width, height = (int(n) for n in z["size_px"])
            return cls(
                z["xy_px"],
                z["score"],
                z["box_px"],
                z["track"],
                width,
                height,
                skeleton(str(z["skeleton"])),
            )
