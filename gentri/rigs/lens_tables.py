"""Lenses as TOML: a section per camera, written by hand, by gentri or by a calibration program."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from gentri.data import FloatArray, Intrinsics
from gentri.rigs import values
from gentri.rigs.texts import read_toml, write_text
from gentri.rigs.values import Source

# Sections that calibration programs write beside the cameras.
_OTHER_SECTIONS = ("metadata", "capture_volume", "charuco", "checkerboard")
_ORIGINS = ("given", "metadata")


def read(path: Path) -> dict[str, Intrinsics]:
    """Lenses by camera name.

    A section has `size` = [width, height] in pixels, either `matrix` (3×3) or `focal_px` (one
    number or two) with an optional `center_px`, and optionally `distortions`, `name` (else the
    section's), `focal_sigma` (relative, 0 keeps the focal length) and `source`.

    Raises:
        InputError: it is no such file.
    """
    return values.by_name(path, sections(read_toml(path)), from_table)


def write(lenses: Mapping[str, Intrinsics], path: Path) -> None:
    """Write what `read` reads."""
    document = tomlkit.document()
    for name, item in lenses.items():
        document[name] = {
            "size": [item.width, item.height],
            "matrix": item.K.tolist(),
            "distortions": item.dist.tolist(),
            "focal_sigma": item.focal_sigma,
            "source": item.source,
        }
    write_text(path, tomlkit.dumps(document))


def sections(document: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The cameras of a document, each with its name."""
    return [
        (str(table.get("name", section)), table)
        for section, table in document.items()
        if isinstance(table, dict) and (section not in _OTHER_SECTIONS or "size" in table)
    ]


def from_table(source: Source, table: Mapping[str, Any]) -> Intrinsics:
    """The lens of one camera.

    Raises:
        InputError: a number is missing or wrong, or the lens is a fisheye.
    """
    if table.get("fisheye", False):
        raise source.refusal(
            "it is a fisheye lens, which gentri's lens model (k1 k2 p1 p2 k3) does not cover",
            "undistort its videos, or calibrate it without the fisheye model",
        )
    size = source.size(source.get(table, "size"))
    K = _matrix(source, table, size)
    dist = values.opencv_distortion(table.get("distortions", []), source)
    origin = table.get("source", "given")
    if origin not in _ORIGINS:
        raise source.refusal(f"source = {origin!r}", f"known: {', '.join(_ORIGINS)}")
    sigma = float(source.array(table.get("focal_sigma", 0.0), "focal_sigma", (1,))[0])
    if sigma < 0:
        raise source.refusal(f"focal_sigma = {sigma:g}", "give a relative error, such as 0.02")
    return values.lens(size, K, dist, source, origin, sigma)


def _matrix(source: Source, table: Mapping[str, Any], size: values.Size) -> FloatArray:
    if "matrix" in table:
        return source.array(table["matrix"], "the matrix", (3, 3))
    if "focal_px" not in table:
        raise source.refusal(
            "neither 'matrix' nor 'focal_px' is there", "give one of them: focal_px = 1450.0"
        )
    focal = source.vector(table["focal_px"], "focal_px")
    fx, fy = source.array(focal if len(focal) == 2 else [*focal] * 2, "focal_px", (2,))
    middle = [(size[0] - 1) / 2, (size[1] - 1) / 2]
    cx, cy = source.array(table.get("center_px", middle), "center_px", (2,))
    return values.pinhole(fx, fy, cx, cy)
