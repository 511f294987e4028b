"""Numbers from files as lenses and cameras: shapes, signs and rotations checked in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gentri.data import Camera, FloatArray, Intrinsics, Rigid3
from gentri.errors import InputError

Size = tuple[int, int]

# Lengths of OpenCV's distortion vectors (camera calibration, "pinhole camera model").
_OPENCV_LENGTHS = (4, 5, 8, 12, 14)
# Rotations with six decimals miss orthonormality by about 1e-6; what is off by more is no rotation.
_ROTATION_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Source:
    """Where numbers come from, for messages.

    Attributes:
        path: file.
        camera: camera in it.
    """

    path: Path
    camera: str

    def refusal(self, found: str, hint: str) -> InputError:
        """An error that names the file and the camera."""
        return InputError(f"{self.path}: camera {self.camera!r}: {found}", hint)

    def get(self, table: Any, key: str) -> Any:
        """Entry of a table that has to be there."""
        if key not in table:
            raise self.refusal(f"{key!r} is missing", "give the file as its program wrote it")
        return table[key]

    def array(self, values: Any, what: str, shape: tuple[int, ...]) -> FloatArray:
        """Finite float64 numbers; a shape of one axis takes any arrangement of so many."""
        numbers = self.vector(values, what) if len(shape) == 1 else self._numbers(values, what)
        if numbers.shape != shape:
            raise self.refusal(
                f"{what} has the shape {numbers.shape}, not {shape}", "correct these numbers"
            )
        return numbers

    def vector(self, values: Any, what: str) -> FloatArray:
        """Finite float64 numbers (N,) of any arrangement."""
        return self._numbers(values, what).ravel()

    def _numbers(self, values: Any, what: str) -> FloatArray:
        try:
            numbers = np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise self.refusal(f"{what} is not made of numbers", "correct it") from error
        if not np.isfinite(numbers).all():
            raise self.refusal(f"{what} holds NaN or infinity", "leave this camera out")
        return numbers

    def size(self, values: Any) -> Size:
        """Width and height in whole pixels."""
        width, height = self.array(values, "the image size", (2,))
        if min(width, height) < 1 or width % 1 or height % 1:
            raise self.refusal(
                f"an image size of {width:g} × {height:g} pixels", "give width and height in pixels"
            )
        return int(width), int(height)


def opencv_distortion(values: Any, source: Source) -> FloatArray:
    """k1 k2 p1 p2 k3 (5,) from a distortion vector in OpenCV's order.

    Raises:
        InputError: it has coefficients that gentri's lens model does not know.
    """
    numbers = source.vector(values, "the lens distortion")
    if len(numbers) and len(numbers) not in _OPENCV_LENGTHS:
        raise source.refusal(
            f"{len(numbers)} distortion coefficients",
            "OpenCV's order is k1 k2 p1 p2, then k3: give 4 or 5 numbers, or none",
        )
    if numbers[5:].any():
        raise source.refusal(
            "more than five distortion coefficients (a rational, thin-prism or tilted lens)",
            "calibrate it with k1 k2 p1 p2 k3 alone",
        )
    return np.pad(numbers[:5], (0, 5 - len(numbers[:5])))


def lens(
    size: Size,
    K: FloatArray,
    dist: FloatArray,
    source: Source,
    origin: str = "given",
    focal_sigma: float = 0.0,
) -> Intrinsics:
    """Intrinsics after checks.

    Raises:
        InputError: K is not a calibration matrix.
    """
    if not (K[0, 0] > 0 and K[1, 1] > 0 and K[1, 0] == 0 and (K[2] == [0, 0, 1]).all()):
        raise source.refusal(
            f"{K.tolist()} is not a calibration matrix",
            "needed: [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels, focal lengths above 0",
        )
    return Intrinsics(*size, K, dist, origin, focal_sigma)


def pinhole(fx: float, fy: float, cx: float, cy: float) -> FloatArray:
    """Calibration matrix (3, 3)."""
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def pose(R: FloatArray, t: FloatArray, source: Source) -> Rigid3:
    """`cam_from_world`, with the rotation nearest to R.

    Raises:
        InputError: R is not a rotation.
    """
    U, stretch, Vt = np.linalg.svd(R)
    if np.abs(stretch - 1).max() > _ROTATION_TOLERANCE or np.linalg.det(R) < 0:
        raise source.refusal(
            "its rotation is not one: it stretches or mirrors", "export the camera again"
        )
    return Rigid3(U @ Vt, np.array(t, dtype=np.float64))


def camera(intrinsics: Intrinsics, cam_from_world: Rigid3, source: Source) -> Camera:
    """A camera whose lens is given."""
    return Camera(
        source.camera,
        intrinsics.width,
        intrinsics.height,
        intrinsics.K,
        intrinsics.dist,
        cam_from_world,
        "given",
    )


def by_name(
    path: Path, entries: list[tuple[str, Any]], read: Callable[[Source, Any], Any]
) -> dict[str, Any]:
    """Read every entry, by the camera's name.

    Raises:
        InputError: there is none, or two have one name.
    """
    if not entries:
        raise InputError(f"{path} holds no camera", "give a file with at least one camera")
    found: dict[str, Any] = {}
    for name, entry in entries:
        if name in found:
            raise InputError(
                f"{path} holds two cameras named {name!r}", "give each camera a name of its own"
            )
        found[name] = read(Source(path, name), entry)
    return found


def intrinsics_of(item: Camera) -> Intrinsics:
    """A camera's lens, to be kept as it is."""
    return Intrinsics(item.width, item.height, item.K, item.dist, "given", 0.0)
