"""Qualisys' `.qca.txt`, the XML that QTM exports.

x y z is the camera's centre (mm, z up), the rows of its matrix are the camera's axes in the world
(x right, y up, z backward). Lengths on the sensor count 64 steps per pixel. Qualisys does not
publish its lens model; the coefficients are read as OpenCV's, and bent lenses are not written:
nobody could say what the numbers mean to another program (Pose2Sim takes a 64th of them).
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from gentri.data import Camera, FloatArray, Rig
from gentri.errors import InputError
from gentri.rigs import values
from gentri.rigs.texts import read_text, write_text
from gentri.rigs.units import SCALE_NOT_STATED
from gentri.rigs.values import Source
from gentri.rigs.writing import require_names, require_plain_cameras

_STEPS_PER_PIXEL = 64.0
_OPENCV_FROM_QUALISYS = np.diag([1.0, -1.0, -1.0])
_MM_PER_M = 1000.0
_WRITTEN_BY = "gentri"  # in place of a version of QTM, whose scale comes from a wand
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
    if root.get("qtm-version") == _WRITTEN_BY:
        return Rig(tuple(cameras.values()), SCALE_NOT_STATED, float("nan"))
    return Rig(tuple(cameras.values()), scale_source="given", scale_sigma=0.0)


def write(rig: Rig, path: Path) -> None:
    """Write a rig of straight lenses.

    Raises:
        InputError: a lens is bent, or the file cannot hold this rig.
    """
    require_plain_cameras(rig, "Qualisys' file")
    require_names(rig, "Qualisys' file", r"\S(.*\S)?", "no blank at either end")
    root = ElementTree.Element("calibration", {"type": "regular", "qtm-version": _WRITTEN_BY})
    ElementTree.SubElement(root, "results", {"std-dev": "0", "min-max-diff": "0"})
    cameras = ElementTree.SubElement(root, "cameras")
    for camera in rig.cameras:
        cameras.append(_entry(camera))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _entry(camera: Camera) -> ElementTree.Element:
    if camera.dist.any():
        raise InputError(
            f"the lens of camera {camera.name!r} is bent, and Qualisys does not publish what its "
            "coefficients mean",
            "write another format",
        )
    size_px = {
        "left": "0",
        "top": "0",
        "right": f"{camera.width - 1}",
        "bottom": f"{camera.height - 1}",
    }
    K = camera.K * _STEPS_PER_PIXEL
    axes = _OPENCV_FROM_QUALISYS @ camera.cam_from_world.R
    lens = {
        "focalLengthU": K[0, 0],
        "focalLengthV": K[1, 1],
        "centerPointU": K[0, 2],
        "centerPointV": K[1, 2],
        "skew": 0.0,
        "sensorMinU": 0.0,
        "sensorMinV": 0.0,
        "sensorMaxU": camera.width * _STEPS_PER_PIXEL,
        "sensorMaxV": camera.height * _STEPS_PER_PIXEL,
        **dict.fromkeys(_DISTORTION, 0.0),
    }
    pose = dict(zip("xyz", camera.center * _MM_PER_M, strict=True))
    pose |= {f"r{i + 1}{j + 1}": axes[i, j] for i in range(3) for j in range(3)}
    about = {"active": "1", "serial": camera.name, "model": "video", "viewrotation": "0"}
    entry = ElementTree.Element("camera", {**about, "avg-residual": "0"})
    for tag in ("fov_marker", "fov_marker_max", "fov_video", "fov_video_max"):
        ElementTree.SubElement(entry, tag, size_px)
    for tag, numbers in (("transform", pose), ("intrinsic", lens)):
        ElementTree.SubElement(entry, tag, {k: repr(float(v)) for k, v in numbers.items()})
    return entry


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
