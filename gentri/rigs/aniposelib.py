"""aniposelib's calibration TOML: the keys of Pose2Sim, in any unit and with any vertical.

Its loader (`CameraGroup.load`) takes every section but `metadata` for a camera and sorts them as
strings. Lengths have the unit of the board that was used: nothing in the file says which.
"""

from pathlib import Path

import tomlkit

from gentri.data import Rig
from gentri.rigs import lens_tables, values
from gentri.rigs.pose2sim import camera_from_table, lens_and_pose, numbered
from gentri.rigs.texts import read_toml, write_text
from gentri.rigs.units import UNIT_NOT_STATED
from gentri.rigs.writing import require_plain_cameras


def read(path: Path) -> Rig:
    """Read a calibration, cameras in the order of aniposelib's loader.

    Raises:
        InputError: it is no such file, or holds what gentri's cameras cannot.
    """
    document = read_toml(path)
    entries = lens_tables.sections({key: document[key] for key in sorted(document)})
    cameras = values.by_name(path, entries, camera_from_table)
    return Rig(tuple(cameras.values()), UNIT_NOT_STATED, float("nan"))


def write(rig: Rig, path: Path) -> None:
    """Write a calibration for aniposelib: metres, z up as in gentri.

    Raises:
        InputError: the file cannot hold this rig.
    """
    require_plain_cameras(rig, "aniposelib's file")
    document = tomlkit.document()
    for section, camera in numbered(rig):
        document[section] = lens_and_pose(camera, [camera.width, camera.height])
    document["metadata"] = {"adjusted": False, "error": 0.0}
    write_text(path, tomlkit.dumps(document))
