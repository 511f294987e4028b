"""One person in all cameras."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data.arrays import FloatArray, PathLike, check_array
from gentri.errors import UsageError
from gentri.skeletons import Skeleton, skeleton


@dataclass(frozen=True, eq=False)
class Keypoints2D:
    """One person in all cameras on common ticks.

    Attributes:
        xy_px: (C, T, J, 2) float32, distorted pixels; NaN where not seen.
        score: (C, T, J) float32, 0–1; NaN where not seen.
        time_s: (T,) float64, ascending; where clips are strung together for tests, within each.
        cameras: names, length C, each another.
        size_px: (C, 2) int32, width and height.
        skeleton: joint set.

    Raises:
        UsageError: a name twice, or a size that is none.
        ValueError: arrays of other shapes or types.
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
        twice = sorted({name for name in self.cameras if self.cameras.count(name) > 1})
        if twice:
            raise UsageError(
                f"several cameras are called {', '.join(twice)}",
                "give every camera a name of its own",
            )
        if (self.size_px <= 0).any():
            raise UsageError(
                f"size_px is {self.size_px.tolist()}", "give width and height in pixels, above 0"
            )

    def require_ascending(self) -> None:
        """Refuse what is no recording of one take.

        Raises:
            UsageError: a time that is none, or not after the one before.
        """
        if not np.isfinite(self.time_s).all() or (np.diff(self.time_s) <= 0).any():
            raise UsageError(
                f"time_s does not ascend from tick to tick: {_first_fault(self.time_s)}",
                "give seconds in the order in which the frames were taken, each later than the one "
                "before",
            )

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


def _first_fault(time_s: FloatArray) -> str:
    """The first time (T,) that is none, or is not after the one before."""
    late = np.append(True, np.diff(time_s) > 0)
    tick = int(np.argmin(late & np.isfinite(time_s)))
    before = f", after {time_s[tick - 1]:g} s" if tick else ""
    return f"tick {tick} is at {time_s[tick]:g} s{before}"
