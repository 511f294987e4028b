"""One person in all cameras."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data.arrays import FloatArray, PathLike, check_array
from gentri.skeletons import Skeleton, skeleton


@dataclass(frozen=True, eq=False)
class Keypoints2D:
    """One person in all cameras on common ticks.

    Attributes:
        xy_px: (C, T, J, 2) float32, distorted pixels; NaN where not seen.
        score: (C, T, J) float32; NaN where not seen.
        time_s: (T,) float64.
        cameras: names, length C.
        size_px: (C, 2) int32, width and height.
        skeleton: joint set.
    """

    xy_px: FloatArray
    score: FloatArray
    time_s: FloatArray
    cameras: tuple[str, ...]
    size_px: NDArray[np.int32]
    skeleton: Skeleton

    def __post_init__(self) -> None:
        c, j, t = len(self.cameras), len(self.skeleton), len(self.time_s)
        check_array("Keypoints2D", "xy_px", self.xy_px, (c, t, j, 2), "float32")
        check_array("Keypoints2D", "score", self.score, (c, t, j), "float32")
        check_array("Keypoints2D", "time_s", self.time_s, (t,), "float64")
        check_array("Keypoints2D", "size_px", self.size_px, (c, 2), "int32")

    def save(self, path: PathLike) -> None:
        """Write an npz to exactly this path."""
        with open(path, "wb") as file:
            np.savez(
                file,
                xy_px=self.xy_px,
                score=self.score,
                time_s=self.time_s,
                cameras=np.array(self.cameras),
                size_px=self.size_px,
                skeleton=np.array(self.skeleton.name),
            )

    @classmethod
    def load(cls, path: PathLike) -> "Keypoints2D":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as z:
            return cls(
                z["xy_px"],
                z["score"],
                z["time_s"],
                tuple(str(n) for n in z["cameras"]),
                z["size_px"],
                skeleton(str(z["skeleton"])),
            )
