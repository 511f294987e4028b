"""The types that cross stage borders: shape and dtype checked once, with their files.

Axes: C cameras, T ticks or frames, P people, J joints. Pixels are (x right, y down) with integer
coordinates at pixel centres; the world is metres, right-handed, z up. NaN means "not measured".
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
from numpy.typing import NDArray

from gentri.skeletons import Skeleton, skeleton

FloatArray = NDArray[np.floating[Any]]


def _check(owner: str, field: str, array: Any, shape: tuple[int | None, ...], dtype: str) -> None:
    """Refuse an array whose dtype or shape (None: any length) is not the contract's."""
    found = (array.dtype.name, array.shape)
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != np.dtype(dtype):
        want = tuple("*" if n is None else n for n in shape)
        raise ValueError(f"{owner}.{field}: expected {dtype} {want}, got {found[0]} {found[1]}")


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
            _check("Timeline", "time_s", t, (None,), "float64")
        _check("Timeline", "size_px", self.size_px, (len(self.cameras), 2), "int32")

    def save(self, path: Path) -> None:
        """Write `timeline.npz` to exactly this path."""
        times: dict[str, Any] = {f"time_s_{i:03d}": t for i, t in enumerate(self.time_s)}
        with path.open("wb") as file:
            np.savez(file, cameras=np.array(self.cameras), size_px=self.size_px, **times)

    @classmethod
    def load(cls, path: Path) -> "Timeline":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as z:
            cameras = tuple(str(n) for n in z["cameras"])
            times = tuple(z[f"time_s_{i:03d}"] for i in range(len(cameras)))
            return cls(cameras, times, z["size_px"])


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
        _check("Detections", "xy_px", self.xy_px, (t, p, j, 2), "float32")
        _check("Detections", "score", self.score, (t, p, j), "float32")
        _check("Detections", "box_px", self.box_px, (t, p, 4), "float32")
        _check("Detections", "track", self.track, (t, p), "int32")

    def save(self, path: Path) -> None:
        """Write the npz of `detect/<camera>.npz` to exactly this path."""
        with path.open("wb") as file:
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
    def load(cls, path: Path) -> "Detections":
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
        _check("Keypoints2D", "xy_px", self.xy_px, (c, t, j, 2), "float32")
        _check("Keypoints2D", "score", self.score, (c, t, j), "float32")
        _check("Keypoints2D", "time_s", self.time_s, (t,), "float64")
        _check("Keypoints2D", "size_px", self.size_px, (c, 2), "int32")


@dataclass(frozen=True, eq=False)
class Rigid3:
    """A rigid motion `b_from_a`: x_in_b = R @ x_in_a + t.

    Attributes:
        R: (3, 3) float64 rotation.
        t: (3,) float64, metres.
    """

    R: FloatArray
    t: FloatArray

    def __post_init__(self) -> None:
        _check("Rigid3", "R", self.R, (3, 3), "float64")
        _check("Rigid3", "t", self.t, (3,), "float64")

    def __matmul__(self, other: "Rigid3") -> "Rigid3":
        """c_from_b @ b_from_a = c_from_a."""
        return Rigid3(self.R @ other.R, self.R @ other.t + self.t)

    def inverse(self) -> "Rigid3":
        """a_from_b."""
        return Rigid3(self.R.T, -self.R.T @ self.t)

    def apply(self, xyz: FloatArray) -> FloatArray:
        """Points (..., 3) from frame a to frame b."""
        return xyz @ self.R.T + self.t


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera with OpenCV axes (x right, y down, z forward) and OpenCV distortion.

    Attributes:
        name: camera name.
        width, height: pixels.
        K: (3, 3) float64.
        dist: (5,) float64, k1 k2 p1 p2 k3.
        cam_from_world: pose.
        intrinsics_source: where K came from: "given", or "estimated" from the person.
    """

    name: str
    width: int
    height: int
    K: FloatArray
    dist: FloatArray
    cam_from_world: Rigid3
    intrinsics_source: str

    def __post_init__(self) -> None:
        _check("Camera", "K", self.K, (3, 3), "float64")
        _check("Camera", "dist", self.dist, (5,), "float64")

    @property
    def center(self) -> FloatArray:
        """Optical centre in the world, (3,), metres."""
        return self.cam_from_world.inverse().t


@dataclass(frozen=True, eq=False)
class Rig:
    """All cameras in one world: metres, z up, floor at z = 0.

    Attributes:
        cameras: in the order of every C axis.
        scale_source: "stature given", "population prior", "given".
        scale_sigma: relative standard deviation of the scale (0.03 = 3 %).
    """

    cameras: tuple[Camera, ...]
    scale_source: str
    scale_sigma: float

    @property
    def names(self) -> tuple[str, ...]:
        """Camera names in order."""
        return tuple(c.name for c in self.cameras)

    def select(self, names: tuple[str, ...]) -> "Rig":
        """The same rig with its cameras in the order of these names."""
        by_name = {c.name: c for c in self.cameras}
        return Rig(tuple(by_name[n] for n in names), self.scale_source, self.scale_sigma)

    def save(self, path: Path) -> None:
        """Write `rig.toml`."""
        doc = tomlkit.document()
        doc["scale"] = {"source": self.scale_source, "sigma": self.scale_sigma}
        doc["convention"] = "x_cam = R x_world + t, OpenCV axes, world in metres with z up"
        tables = tomlkit.aot()
        for c in self.cameras:
            tables.append(tomlkit.item(_camera_table(c)))
        doc["camera"] = tables
        path.write_text(tomlkit.dumps(doc), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Rig":
        """Read what `save` wrote."""
        doc = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
        cameras = tuple(_camera_from_table(t) for t in doc["camera"])
        return cls(cameras, doc["scale"]["source"], float(doc["scale"]["sigma"]))


def _camera_table(c: Camera) -> dict[str, Any]:
    return {
        "name": c.name,
        "size_px": [c.width, c.height],
        "intrinsics_source": c.intrinsics_source,
        "K": c.K.tolist(),
        "dist": c.dist.tolist(),
        "R": c.cam_from_world.R.tolist(),
        "t_m": c.cam_from_world.t.tolist(),
    }


def _camera_from_table(t: dict[str, Any]) -> Camera:
    def array(key: str) -> FloatArray:
        return np.asarray(t[key], dtype=np.float64)

    width, height = t["size_px"]
    pose = Rigid3(array("R"), array("t_m"))
    return Camera(t["name"], width, height, array("K"), array("dist"), pose, t["intrinsics_source"])


@dataclass(frozen=True, eq=False)
class Poses3D:
    """Skeletons in the world.

    Attributes:
        xyz: (T, P, J, 3) float32, metres; NaN where fewer than two views agree.
        score: (T, P, J) float32, 0–1; NaN where xyz is.
        reproj_px: (T, P, J) float32, RMS over the used views.
        used: (T, P, J, C) bool, which views made the point.
        time_s: (T,) float64.
        cameras: names, length C.
        skeleton: joint set.
    """

    xyz: FloatArray
    score: FloatArray
    reproj_px: FloatArray
    used: NDArray[np.bool_]
    time_s: FloatArray
    cameras: tuple[str, ...]
    skeleton: Skeleton

    def __post_init__(self) -> None:
        j, c, t, p = len(self.skeleton), len(self.cameras), len(self.time_s), self.xyz.shape[1]
        _check("Poses3D", "xyz", self.xyz, (t, p, j, 3), "float32")
        _check("Poses3D", "score", self.score, (t, p, j), "float32")
        _check("Poses3D", "reproj_px", self.reproj_px, (t, p, j), "float32")
        _check("Poses3D", "used", self.used, (t, p, j, c), "bool")
        _check("Poses3D", "time_s", self.time_s, (t,), "float64")

    def save(self, path: Path) -> None:
        """Write `poses3d.npz` to exactly this path."""
        with path.open("wb") as file:
            np.savez(
                file,
                xyz=self.xyz,
                score=self.score,
                reproj_px=self.reproj_px,
                used=self.used,
                time_s=self.time_s,
                cameras=np.array(self.cameras),
                skeleton=np.array(self.skeleton.name),
                joints=np.array(self.skeleton.joints),
            )

    @classmethod
    def load(cls, path: Path) -> "Poses3D":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as z:
            return cls(
                z["xyz"],
                z["score"],
                z["reproj_px"],
                z["used"],
                z["time_s"],
                tuple(str(n) for n in z["cameras"]),
                skeleton(str(z["skeleton"])),
            )
