"""nerfstudio's `transforms.json`: camera→world with OpenGL axes (x right, y up, z backward), z up.

By its loader (nerfstudio/data/dataparsers/nerfstudio_dataparser.py): lens keys stand in the frame,
or above all frames where these share them. Its rays go through (column + 0.5, row + 0.5)
(Cameras.get_image_coords), so pixels count from the corner of the image: the centre of the first
pixel is (0.5, 0.5), where gentri has (0, 0). Its distortion is OpenCV's, with a further k4. The
unit of length is not defined.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from gentri.data import Camera, FloatArray, Intrinsics, Rig, Rigid3
from gentri.errors import InputError
from gentri.rigs import values
from gentri.rigs.pictures import SUFFIX, camera_names
from gentri.rigs.texts import read_text, write_text
from gentri.rigs.units import UNIT_NOT_STATED
from gentri.rigs.values import Source
from gentri.rigs.writing import require_names, require_plain_cameras

FILE = "transforms.json"
_KIND = "nerfstudio's file"
_PIXEL_ORIGIN = 0.5
_OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0])
# Lenses of one model (nerfstudio/cameras/cameras.py, CAMERA_MODEL_TO_TYPE), distorted or not.
_PERSPECTIVE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
# Its order in `distortion_params`.
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")


def read(path: Path) -> Rig:
    """Read a `transforms.json`.

    Raises:
        InputError: it is no such file, or has lenses that gentri's model does not cover.
    """
    content = _content(path)
    model = content.get("camera_model", "OPENCV")
    if model not in _PERSPECTIVE:
        raise InputError(
            f"{path}: its camera_model is {model!r}, which gentri's lens model does not cover",
            f"needed: {', '.join(_PERSPECTIVE)}",
        )

    def camera(source: Source, frame: dict[str, Any]) -> Camera:
        world_from_opengl = _transform(source.get(frame, "transform_matrix"), source)
        R = _OPENCV_FROM_OPENGL @ world_from_opengl[:3, :3].T
        pose = values.pose(R, -R @ world_from_opengl[:3, 3], source)
        return values.camera(_lens(source, {**frame, **content}), pose, source)

    frames = content["frames"]
    names = camera_names([str(frame.get("file_path", "")) for frame in frames], path)
    cameras = values.by_name(path, list(zip(names, frames, strict=True)), camera)
    return Rig(tuple(cameras.values()), UNIT_NOT_STATED, float("nan"))


def write(rig: Rig, path: Path) -> None:
    """Write a `transforms.json`: metres, z up, one picture `images/<camera>.jpg` per camera.

    Raises:
        InputError: it cannot hold this rig.
    """
    require_plain_cameras(rig, _KIND)
    require_names(rig, _KIND, r"[^/\\]+", "without slashes")
    frames = [_frame(camera) for camera in rig.cameras]
    content = {"camera_model": "OPENCV", "frames": frames}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}", "correct that line") from error
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise InputError(
            f"{path} is not a transforms.json: it has no list 'frames'",
            "give the file as nerfstudio's tools wrote it",
        )
    return content


def _transform(rows: Any, source: Source) -> FloatArray:
    """World from camera, (3, 4); the fourth row of a matrix 4×4 says nothing."""
    numbers = source.vector(rows, "transform_matrix")
    shape = (len(numbers) // 4, 4) if len(numbers) in (12, 16) else (4, 4)
    return source.array(rows, "transform_matrix", shape)[:3]


def _lens(source: Source, keys: dict[str, Any]) -> Intrinsics:
    names = ("fl_x", "fl_y", "cx", "cy")
    fx, fy, cx, cy = source.array([source.get(keys, key) for key in names], "the lens", (4,))
    given = keys.get("distortion_params", [keys.get(key, 0.0) for key in _DISTORTION])
    k1, k2, k3, k4, p1, p2 = source.array(given, "the lens distortion", (6,))
    if k4:
        raise source.refusal(
            "its lens has a fourth radial coefficient k4, which gentri's model does not cover",
            "calibrate it with k1 k2 p1 p2 k3 alone",
        )
    size = source.size([source.get(keys, "w"), source.get(keys, "h")])
    K = values.pinhole(fx, fy, cx - _PIXEL_ORIGIN, cy - _PIXEL_ORIGIN)
    return values.lens(size, K, np.array([k1, k2, p1, p2, k3]), source)


def _frame(camera: Camera) -> dict[str, Any]:
    world_from_opengl = camera.cam_from_world.inverse() @ Rigid3(_OPENCV_FROM_OPENGL, np.zeros(3))
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = world_from_opengl.R, world_from_opengl.t
    k1, k2, p1, p2, k3 = camera.dist.tolist()
    return {
        "file_path": f"images/{camera.name}{SUFFIX}",
        "w": camera.width,
        "h": camera.height,
        "fl_x": float(camera.K[0, 0]),
        "fl_y": float(camera.K[1, 1]),
        "cx": float(camera.K[0, 2] + _PIXEL_ORIGIN),
        "cy": float(camera.K[1, 2] + _PIXEL_ORIGIN),
        **{"k1": k1, "k2": k2, "k3": k3, "p1": p1, "p2": p2},
        "transform_matrix": matrix.tolist(),
    }
