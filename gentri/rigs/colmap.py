"""COLMAP's text model: `cameras.txt`, `images.txt`, `points3D.txt`, one picture per camera.

World→camera, quaternion w x y z. Pixels count from the corner of the image: the centre of the first
pixel is (0.5, 0.5), where gentri has (0, 0). Neither the unit of length nor a vertical is defined.
"""

from pathlib import Path

import numpy as np

from gentri.data import Camera, FloatArray, Intrinsics, Rig
from gentri.errors import InputError
from gentri.rigs import values
from gentri.rigs.pictures import SUFFIX, camera_names
from gentri.rigs.rotations import from_quaternion, to_quaternion
from gentri.rigs.texts import read_text, write_text
from gentri.rigs.units import UNIT_NOT_STATED
from gentri.rigs.values import Source
from gentri.rigs.writing import require_names, require_plain_cameras

CAMERAS, IMAGES, POINTS = "cameras.txt", "images.txt", "points3D.txt"
_KIND = "COLMAP's model"
_PIXEL_ORIGIN = 0.5

# Model → what its parameters are (COLMAP, src/colmap/sensor/models.h), in our names.
_MODELS = {
    "SIMPLE_PINHOLE": "f cx cy",
    "PINHOLE": "fx fy cx cy",
    "SIMPLE_RADIAL": "f cx cy k1",
    "RADIAL": "f cx cy k1 k2",
    "OPENCV": "fx fy cx cy k1 k2 p1 p2",
    "FULL_OPENCV": "fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6",
}


def read(folder: Path) -> Rig:
    """Read a text model.

    Raises:
        InputError: a file is missing or wrong, or a lens model is one that gentri does not have.
    """
    path = folder / CAMERAS
    rows = [line.split() for line in _lines(path) if line]
    lenses = values.by_name(path, [(row[0], row[1:]) for row in rows], _lens)
    path = folder / IMAGES
    headers = _headers(path)

    def camera(source: Source, row: list[str]) -> Camera:
        wxyz = source.array(row[1:5], "the quaternion", (4,))
        if not wxyz.any():
            raise source.refusal("its quaternion is zero", "export the model again")
        t = source.array(row[5:8], "the translation", (3,))
        intrinsics = source.get(lenses, row[8])
        return values.camera(intrinsics, values.pose(from_quaternion(wxyz), t, source), source)

    names = camera_names([header[9] for header in headers], path)
    cameras = values.by_name(path, list(zip(names, headers, strict=True)), camera)
    return Rig(tuple(cameras.values()), UNIT_NOT_STATED, float("nan"))


def write(rig: Rig, folder: Path) -> None:
    """Write a text model: metres, z up, one picture `<camera>.jpg` per camera, no points.

    Raises:
        InputError: it cannot hold this rig.
    """
    require_plain_cameras(rig, _KIND)
    require_names(rig, _KIND, r"[^\s/\\]+", "without spaces and slashes")
    cameras = ["# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"]
    images = [
        "# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME",
        "# POINTS2D[] as (X, Y, POINT3D_ID)",
    ]
    for number, camera in enumerate(rig.cameras, start=1):
        model, parameters = _model(camera)
        size = f"{camera.width} {camera.height}"
        cameras.append(f"{number} {model} {size} {_numbers(parameters)}")
        wxyz = to_quaternion(camera.cam_from_world.R)
        pose = _numbers(np.concatenate([wxyz, camera.cam_from_world.t]))
        images += [f"{number} {pose} {number} {camera.name}{SUFFIX}", ""]
    points = ["# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)"]
    for name, lines in ((POINTS, points), (CAMERAS, cameras), (IMAGES, images)):
        write_text(folder / name, "\n".join(lines) + "\n")


def _lines(path: Path) -> list[str]:
    lines = (line.strip() for line in read_text(path).splitlines())
    return [line for line in lines if not line.startswith("#")]


def _headers(path: Path) -> list[list[str]]:
    """The first of every picture's two lines: ID QW QX QY QZ TX TY TZ CAMERA_ID NAME."""
    headers, lines = [], iter(_lines(path))
    for line in lines:
        if not line:
            continue
        headers.append(line.split(maxsplit=9))
        if len(headers[-1]) != 10:
            raise InputError(
                f"{path}: {line!r} is not a picture",
                "needed: ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line with its points",
            )
        next(lines, None)  # its points; the line is empty where there are none
    return headers


def _lens(source: Source, row: list[str]) -> Intrinsics:
    model = row[0] if row else ""
    if model not in _MODELS:
        raise source.refusal(
            f"its lens model is {model or 'missing'}, which is not one of gentri's",
            f"run COLMAP with one of {', '.join(_MODELS)}",
        )
    keys = _MODELS[model].split()
    size = source.size(row[1:3])
    given = dict(zip(keys, source.array(row[3:], model, (len(keys),)).tolist(), strict=True))
    dist = [given.get(key, 0.0) for key in ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")]
    fx, fy = given.get("fx", given.get("f")), given.get("fy", given.get("f"))
    K = values.pinhole(fx, fy, given["cx"] - _PIXEL_ORIGIN, given["cy"] - _PIXEL_ORIGIN)  # pyright: ignore
    return values.lens(size, K, values.opencv_distortion(dist, source), source)


def _model(camera: Camera) -> tuple[str, FloatArray]:
    """The smallest lens model that holds a camera, and its parameters."""
    K, dist = camera.K, camera.dist
    pinhole = [K[0, 0], K[1, 1], K[0, 2] + _PIXEL_ORIGIN, K[1, 2] + _PIXEL_ORIGIN]
    if not dist.any():
        return "PINHOLE", np.array(pinhole)
    if dist[4]:
        return "FULL_OPENCV", np.array([*pinhole, *dist, 0.0, 0.0, 0.0])
    return "OPENCV", np.array([*pinhole, *dist[:4]])


def _numbers(parameters: FloatArray) -> str:
    return " ".join(repr(float(x)) for x in parameters)
