"""Qualisys' `.qca.txt`, the XML that QTM exports.

x y z is the camera's centre (mm, z up), the rows of its matrix are the camera's axes in the world
(x right, y up, z backward). Lengths on the sensor count 64 steps per pixel. Qualisys does not
publish its lens model; the coefficients are taken for OpenCV's, as other readers of the file do.
There is no writer for the same reason: nobody could say what its numbers mean to another program.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from gentri.data import Camera, FloatArray, Rig
from gentri.errors import InputError
from gentri.rigs import values
from gentri.rigs.texts import read_text
from gentri.rigs.values import Source

_STEPS_PER_PIXEL = 64.0
_OPENCV_FROM_QUALISYS = np.diag([1.0, -1.0, -1.0])
_MM_PER_M = 1000.0
_DISTORTION = (
    *("radialDistortion1", "radialDistortion2"),
    *("tangentalDistortion1", "tangentalDistortion2", "radialDistortion3"),  # their spelling
)


def read(path: Path) -> Rig:
    """Read the active cameras of a Qualisys calibration, named by their serial numbers.

    Raises:
        InputError: it is no such file, or a camera's view is turned.
    """
    try:
        root = ElementTree.fromstring(read_text(path))
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(
            f"{path} is not a Qualisys calibration: {error}", "export it again from QTM"
        ) from error
    active = [entry for entry in root.iter("camera") if entry.get("active", "1") != "0"]
    entries = [(entry.get("serial", ""), entry) for entry in active]
    cameras = values.by_name(path, entries, _camera)
    return Rig(tuple(cameras.values()), scale_source="given", scale_sigma=0.0)


def _camera(source: Source, entry: ElementTree.Element) -> Camera:
    if entry.get("viewrotation", "0") != "0":
        raise source.refusal(
            f"its view is turned by {entry.get('viewrotation')}°, and the file does not say "
            "whether its videos are, too",
            "set its view rotation to 0 in QTM, and export calibration and videos again",
        )
    axes = _numbers(source, entry, "transform", *(f"r{i}{j}" for i in "123" for j in "123"))
    center_m = _numbers(source, entry, "transform", "x", "y", "z") / _MM_PER_M
    R = _OPENCV_FROM_QUALISYS @ axes.reshape(3, 3)
    on_sensor = ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV", "skew")
    fx, fy, cx, cy, skew = _numbers(source, entry, "intrinsic", *on_sensor) / _STEPS_PER_PIXEL
    if skew:
        raise source.refusal("its pixels are skewed", "linearise the camera again")
    left, top, right, bottom = _numbers(
        source, entry, "fov_video", "left", "top", "right", "bottom"
    )
    size = source.size([right - left + 1, bottom - top + 1])
    dist = _numbers(source, entry, "intrinsic", *_DISTORTION)
    lens = values.lens(size, values.pinhole(fx, fy, cx - left, cy - top), dist, source)
    return values.camera(lens, values.pose(R, -R @ center_m, source), source)


def _numbers(source: Source, entry: ElementTree.Element, tag: str, *names: str) -> FloatArray:
    found = entry.find(tag)
    if found is None:
        raise source.refusal(f"<{tag}> is missing", "export the calibration again from QTM")
    return source.array([source.get(found.attrib, name) for name in names], tag, (len(names),))
