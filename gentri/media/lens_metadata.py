"""What a camera wrote about its lens: focal lengths as of 35 mm film."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from gentri.data import Intrinsics
from gentri.geometry.cameras import pinhole_K
from gentri.media.clip import Size

# Diagonal of the frame of 35 mm film, 36 × 24 mm, which equivalent focal lengths refer to (CIPA
# DCG-001).
_FILM_DIAGONAL_MM = 43.27
# Fisheye lenses for phones to the longest telephoto lenses; anything else is a mistake.
_PLAUSIBLE_MM = (5.0, 1500.0)

# Relative standard deviations of a focal length that is taken from metadata.
# Video: board calibrations of 23 iPhones (OpenCap's, 720p, wide camera) are 1.02 to 1.10 times what
# the maker's equivalents say, median 1.045, because video uses a part of the sensor; electronic
# stabilisation cuts off another 5 to 15 %.
_VIDEO_SIGMA = 0.10
# Pictures: whole millimetres (2 % at 26 mm), and focusing close makes lenses longer.
_PICTURE_SIGMA = 0.05
_PICTURE_KEY = "FocalLengthIn35mmFilm"

_EXIF_KEYS = {"Make": 0x010F, "Model": 0x0110}
_EXIF_LENS_KEYS = {"FocalLength": 0x920A, _PICTURE_KEY: 0xA405, "LensModel": 0xA434}


def intrinsics_from_tags(tags: Mapping[str, str], size_px: Size) -> Intrinsics | None:
    """A lens from the metadata of a video or picture, or None where that does not tell it.

    Args:
        tags: metadata by key, such as `com.apple.quicktime.camera.focal_length.35mm_equivalent` or
            `FocalLengthIn35mmFilm`.
        size_px: width and height of the pictures.

    Returns:
        Focal length with its uncertainty; the principal point at the centre and no distortion, of
        which nothing is known.
    """
    for key, value in sorted(tags.items()):
        if not _is_equivalent(key) or (focal_mm := _millimetres(value)) is None:
            continue
        focal_px = focal_mm / _FILM_DIAGONAL_MM * float(np.hypot(*size_px))
        sigma = _PICTURE_SIGMA if key == _PICTURE_KEY else _VIDEO_SIGMA
        K = pinhole_K(*size_px, focal_px)
        return Intrinsics(*size_px, K, np.zeros(5), "metadata", sigma)
    return None


def exif_tags(path: Path) -> dict[str, str]:
    """What a picture's EXIF says about camera and lens; empty where there is none."""
    try:
        with Image.open(path) as picture:
            exif = picture.getexif()
            lens = exif.get_ifd(ExifTags.IFD.Exif)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return {}
    found = {name: exif.get(tag) for name, tag in _EXIF_KEYS.items()}
    found |= {name: lens.get(tag) for name, tag in _EXIF_LENS_KEYS.items()}
    return {name: str(value).strip("\0 ") for name, value in found.items() if value is not None}


def _is_equivalent(key: str) -> bool:
    letters = re.sub(r"[^a-z0-9]", "", key.lower())
    return "focallength" in letters and "35mm" in letters


def _millimetres(text: str) -> float | None:
    """The number in "26", "26.5 mm" or "50.00mm"; None for 0, which means unknown, and nonsense."""
    number = re.match(r"\s*(\d+(?:\.\d+)?)", text)
    focal_mm = float(number[1]) if number else 0.0
    least, most = _PLAUSIBLE_MM
    return focal_mm if least <= focal_mm <= most else None
