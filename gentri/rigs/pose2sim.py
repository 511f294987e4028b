"""Pose2Sim's `Calib.toml`: world→camera, Rodrigues rotation, metres, z up."""

from pathlib import Path
from typing import Any

import tomlkit

from gentri.data import Camera, Rig
from gentri.rigs import lens_tables, values
from gentri.rigs.rotations import from_rodrigues, to_rodrigues
from gentri.rigs.texts import read_toml, write_text
from gentri.rigs.units import SCALE_NOT_STATED
from gentri.rigs.values import Source
from gentri.rigs.writing import opencv_distortions, require_plain_cameras


def read(path: Path) -> Rig:
    """Read a `Calib.toml`.

    Raises:
        InputError: it is no such file, or holds what gentri's cameras cannot.
    """
    entries = lens_tables.sections(read_toml(path))
    cameras = values.by_name(path, entries, camera_from_table)
    return Rig(tuple(cameras.values()), SCALE_NOT_STATED, float("nan"))


def write(rig: Rig, path: Path) -> None:
    """Write Pose2Sim's `Calib.toml`.

    Sections are `cam_00`, `cam_01` … in the order of the rig; the camera's own name is the key
    `name`.

    Raises:
        InputError: the file cannot hold this rig.
    """
    require_plain_cameras(rig, "Pose2Sim's file")
    document = tomlkit.document()
    for section, camera in numbered(rig):
        document[section] = {
            **lens_and_pose(camera, [float(camera.width), float(camera.height)]),
            "fisheye": False,
        }
    document["metadata"] = {"adjusted": False, "error": 0.0}
    write_text(path, tomlkit.dumps(document))


def numbered(rig: Rig) -> list[tuple[str, Camera]]:
    """Cameras with section names that keep their order when they are sorted as strings."""
    digits = max(2, len(str(len(rig.cameras) - 1)))
    return [(f"cam_{i:0{digits}d}", camera) for i, camera in enumerate(rig.cameras)]


def lens_and_pose(camera: Camera, size: list[Any]) -> dict[str, Any]:
    """The keys that Pose2Sim and aniposelib share."""
    return {
        "name": camera.name,
        "size": size,
        "matrix": camera.K.tolist(),
        "distortions": opencv_distortions(camera),
        "rotation": to_rodrigues(camera.cam_from_world.R).tolist(),
        "translation": camera.cam_from_world.t.tolist(),
    }


def camera_from_table(source: Source, table: dict[str, Any]) -> Camera:
    """One camera.

    Raises:
        InputError: a number is missing or wrong.
    """
    intrinsics = lens_tables.from_table(source, table)
    R = from_rodrigues(source.array(source.get(table, "rotation"), "the rotation", (3,)))
    t = source.array(source.get(table, "translation"), "the translation", (3,))
    return values.camera(intrinsics, values.pose(R, t, source), source)
