"""What is known of the lenses before the person tells more, and pixels with known lenses undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import Camera, FloatArray, Intrinsics, Rigid3
from gentri.errors import InputError
from gentri.geometry.cameras import undistort

# Video coders fill up to whole macroblocks, to the right and below; some programs keep these rows.
_MACROBLOCK_PX = 16
# Of the picture: models of wide lenses fold towards the corners, no lens folds nearly everywhere.
_LEAST_INVERTIBLE = 0.2
_GRID = 9  # places across the picture, and down, at which a lens model is tried


@dataclass(frozen=True, eq=False)
class KnownLenses:
    """Lenses of C cameras as far as they are known.

    Attributes:
        size_px: (C, 2) width and height.
        focal_px: (C,) NaN where unknown.
        focal_sigma: (C,) relative standard deviation, 0 where the focal length is to be kept; NaN
            where unknown.
        center_px: (C, 2) principal point, the image centre where unknown.
        undone: (C,) lenses whose distortion and principal point are given: their pixels are those
            of a pinhole camera after `pinhole_pixels`.
    """

    size_px: FloatArray
    focal_px: FloatArray
    focal_sigma: FloatArray
    center_px: FloatArray
    undone: NDArray[np.bool_]

    @property
    def short_side(self) -> FloatArray:
        """Shorter image sides, (C,) px."""
        return self.size_px.min(axis=-1)

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Focal lengths of which nothing is known, (C,)."""
        return np.isnan(self.focal_px)


def known_lenses(
    cameras: Sequence[str], size_px: NDArray[np.integer], known: Mapping[str, Intrinsics]
) -> KnownLenses:
    """Gather what is known of these cameras.

    Args:
        cameras: C names.
        size_px: (C, 2) width and height of their pictures.
        known: by camera name; may hold others, too.

    Raises:
        InputError: intrinsics for pictures of another shape.
    """
    size = np.asarray(size_px, dtype=np.float64)
    focal, sigma = np.full(len(size), np.nan), np.full(len(size), np.nan)
    center, undone = (size - 1) / 2, np.zeros(len(size), dtype=bool)
    for c, name in enumerate(cameras):
        if name in known:
            lens = fitted(name, known[name], size[c])
            focal[c], sigma[c] = pinhole_focal(lens.K), lens.focal_sigma
            if lens.source == "given":
                undone[c], center[c] = True, lens.K[:2, 2]
    return KnownLenses(size, focal, sigma, center, undone)


def fitted(name: str, lens: Intrinsics, size_px: FloatArray) -> Intrinsics:
    """Intrinsics for pictures of another resolution of the same camera.

    The longer side gives the scale; where both sides are nearly the same, it is one. They may
    differ by what a coder adds or cuts off, which moves nothing in the picture.

    Raises:
        InputError: the pictures have another shape.
    """
    width, height = (int(n) for n in size_px)
    told_px, longer = np.array([lens.width, lens.height]), int(np.argmax(size_px))
    alike = (np.abs(size_px - told_px) <= _MACROBLOCK_PX).all()
    scale = 1.0 if alike else size_px[longer] / told_px[longer]
    if (np.abs(size_px - scale * told_px) > _MACROBLOCK_PX * min(scale, 1.0)).any():
        raise InputError(
            f"the intrinsics of {name} are for {lens.width}×{lens.height} pixels; "
            f"its pictures have {width}×{height}",
            "give intrinsics for the resolution and orientation that was filmed",
        )
    shift = (scale - 1) / 2  # pixel centres are at integers
    resize = np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]])
    K = resize @ lens.K
    found = Intrinsics(width, height, K, lens.dist, lens.source, lens.focal_sigma)
    _require_invertible(name, found)
    return found


def _require_invertible(name: str, lens: Intrinsics) -> None:
    across, down = (np.linspace(0, side - 1, _GRID) for side in (lens.width, lens.height))
    grid = np.stack(np.meshgrid(across, down), axis=-1)
    share = float(np.isfinite(pinhole_pixels(lens, grid)[..., 0]).mean())
    if share < _LEAST_INVERTIBLE:
        raise InputError(
            f"the lens given for {name} has rays for {100 * share:.0f} % of its picture only: "
            f"its distortion (k1 k2 p1 p2 k3) is {', '.join(f'{d:g}' for d in lens.dist)}",
            "check these numbers and their order, or have the lens estimated",
        )


def pinhole_focal(K: FloatArray) -> float:
    """One focal length, px, for both axes: their geometric mean."""
    return float(np.sqrt(K[0, 0] * K[1, 1]))


def pinhole_pixels(lens: Intrinsics, xy_px: FloatArray) -> FloatArray:
    """Where a pinhole camera of the same focal length and principal point sees what a lens sees.

    Args:
        lens: of the camera.
        xy_px: (..., 2) distorted pixels; NaN stays NaN.

    Returns:
        (..., 2); NaN where the lens model cannot be inverted.
    """
    pose = Rigid3(np.eye(3), np.zeros(3))
    camera = Camera("", lens.width, lens.height, lens.K, lens.dist, pose, lens.source)
    return pinhole_focal(lens.K) * undistort(camera, xy_px) + lens.K[:2, 2]
