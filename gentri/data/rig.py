"""Cameras: lens, pose, and the rig that they form."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from gentri.data.arrays import FloatArray, PathLike, check_array


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
        check_array("Rigid3", "R", self.R, (3, 3), "float64")
        check_array("Rigid3", "t", self.t, (3,), "float64")

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
class Intrinsics:
    """What is known of one camera's lens before its pose.

    Attributes:
        width, height: pixels.
        K: (3, 3) float64.
        dist: (5,) float64, k1 k2 p1 p2 k3.
        source: "given" by the user, or "metadata" of the video.
        focal_sigma: relative standard deviation of the focal length; 0 where it is to be kept.
    """

    width: int
    height: int
    K: FloatArray
    dist: FloatArray
    source: str
    focal_sigma: float

    def __post_init__(self) -> None:
        check_array("Intrinsics", "K", self.K, (3, 3), "float64")
        check_array("Intrinsics", "dist", self.dist, (5,), "float64")


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera with OpenCV axes (x right, y down, z forward) and OpenCV distortion.

    Attributes:
        name: camera name.
        width, height: pixels.
        K: (3, 3) float64.
        dist: (5,) float64, k1 k2 p1 p2 k3.
        cam_from_world: pose.
        intrinsics_source: where K came from: "given" by the user, "metadata" of the video refined
            on the person, or "estimated" from the person alone.
    """

    name: str
    width: int
    height: int
    K: FloatArray
    dist: FloatArray
    cam_from_world: Rigid3
    intrinsics_source: str

    def __post_init__(self) -> None:
        check_array("Camera", "K", self.K, (3, 3), "float64")
        check_array("Camera", "dist", self.dist, (5,), "float64")

    @property
    def center(self) -> FloatArray:
        """Optical centre in the world, (3,), metres."""
        return self.cam_from_world.inverse().t


@dataclass(frozen=True, eq=False)
class Rig:
    """All cameras in one world: metres, z up, floor at z = 0.

    Attributes:
        cameras: in the order of every C axis.
        scale_source: "stature given", "population prior", "given" …
        scale_sigma: relative standard deviation of the scale (0.03 = 3 %); NaN where not known.
        world_source: where axes and origin come from: "person", "camera positions given".
    """

    cameras: tuple[Camera, ...]
    scale_source: str
    scale_sigma: float
    world_source: str = "not stated"

    @property
    def names(self) -> tuple[str, ...]:
        """Camera names in order."""
        return tuple(c.name for c in self.cameras)

    def select(self, names: tuple[str, ...]) -> "Rig":
        """The same rig with its cameras in the order of these names."""
        by_name = {c.name: c for c in self.cameras}
        return replace(self, cameras=tuple(by_name[n] for n in names))

    def save(self, path: PathLike) -> None:
        """Write `rig.toml`."""
        doc = tomlkit.document()
        doc["scale"] = {"source": self.scale_source, "sigma": self.scale_sigma}
        doc["world"] = {"source": self.world_source}
        doc["convention"] = "x_cam = R x_world + t, OpenCV axes, world in metres with z up"
        tables = tomlkit.aot()
        for c in self.cameras:
            tables.append(tomlkit.item(_camera_table(c)))
        doc["camera"] = tables
        Path(path).write_text(tomlkit.dumps(doc), encoding="utf-8")

    @classmethod
    def load(cls, path: PathLike) -> "Rig":
        """Read what `save` wrote."""
        doc = tomlkit.parse(Path(path).read_text(encoding="utf-8")).unwrap()
        cameras = tuple(_camera_from_table(t) for t in doc["camera"])
        scale, world = doc["scale"], dict(doc.get("world", {}))  # older files have no [world]
        source = world.get("source", cls.world_source)
        return cls(cameras, scale["source"], float(scale["sigma"]), source)


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
