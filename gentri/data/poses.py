"""Skeletons in the world."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data.arrays import FloatArray, PathLike, check_array
from gentri.skeletons import Skeleton, skeleton


@dataclass(frozen=True, eq=False)
class Poses3D:
    """Skeletons in the world.

    Attributes:
        xyz: (T, P, J, 3) float32, metres; NaN where fewer than two views agree.
        score: (T, P, J) float32, 0–1; NaN where xyz is.
        reproj_px: (T, P, J) float32, RMS over the used views.
        used: (T, P, J, C) bool, which views made the point.
        error_m: (T, P, J) float32, expected distance from the truth, metres; NaN where the way of
            triangulation foresees none.
        time_s: (T,) float64.
        cameras: names, length C.
        skeleton: joint set.
    """

    xyz: FloatArray
    score: FloatArray
    reproj_px: FloatArray
    used: NDArray[np.bool_]
    error_m: FloatArray
    time_s: FloatArray
    cameras: tuple[str, ...]
    skeleton: Skeleton

    def __post_init__(self) -> None:
        j, c, t, p = len(self.skeleton), len(self.cameras), len(self.time_s), self.xyz.shape[1]
        check_array("Poses3D", "xyz", self.xyz, (t, p, j, 3), "float32")
        check_array("Poses3D", "score", self.score, (t, p, j), "float32")
        check_array("Poses3D", "reproj_px", self.reproj_px, (t, p, j), "float32")
        check_array("Poses3D", "used", self.used, (t, p, j, c), "bool")
        check_array("Poses3D", "error_m", self.error_m, (t, p, j), "float32")
        check_array("Poses3D", "time_s", self.time_s, (t,), "float64")

    def save(self, path: PathLike) -> None:
        """Write `poses3d.npz` to exactly this path."""
        with open(path, "wb") as file:
            np.savez(
                file,
                xyz=self.xyz,
                score=self.score,
                reproj_px=self.reproj_px,
                used=self.used,
                error_m=self.error_m,
                time_s=self.time_s,
                cameras=np.array(self.cameras),
                skeleton=np.array(self.skeleton.name),
                joints=np.array(self.skeleton.joints),
            )

    @classmethod
    def load(cls, path: PathLike) -> "Poses3D":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as z:
            return cls(
                z["xyz"],
                z["score"],
                z["reproj_px"],
                z["used"],
                z["error_m"] if "error_m" in z else np.full_like(z["score"], np.nan),
                z["time_s"],
                tuple(str(n) for n in z["cameras"]),
                skeleton(str(z["skeleton"])),
            )
