"""When the frames of each camera were taken."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gentri.data.arrays import FloatArray, PathLike, check_array


@dataclass(frozen=True, eq=False)
class Timeline:
    """When each stored frame was taken, and how large the video was.

    Attributes:
        cameras: names, length C.
        time_s: for each camera (T_c,) float64, container time stamps of the frames
            `<camera>/000000.jpg` onwards.
        size_px: (C, 2) int32, width and height of the upright source; stored frames may be smaller.
    """

    cameras: tuple[str, ...]
    time_s: tuple[FloatArray, ...]
    size_px: NDArray[np.int32]

    def __post_init__(self) -> None:
        for t in self.time_s:
            check_array("Timeline", "time_s", t, (None,), "float64")
        check_array("Timeline", "size_px", self.size_px, (len(self.cameras), 2), "int32")

    def save(self, path: PathLike) -> None:
        """Write `timeline.npz` to exactly this path."""
        times: dict[str, Any] = {f"time_s_{i:03d}": t for i, t in enumerate(self.time_s)}
        with open(path, "wb") as file:
            np.savez(file, cameras=np.array(self.cameras), size_px=self.size_px, **times)

    @classmethod
    def load(cls, path: PathLike) -> "Timeline":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as z:
            cameras = tuple(str(n) for n in z["cameras"])
            times = tuple(z[f"time_s_{i:03d}"] for i in range(len(cameras)))
            return cls(cameras, times, z["size_px"])
