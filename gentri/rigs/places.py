"""Where cameras are: any rig, or TOML with `position_m` per camera, written by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gentri.data import FloatArray, Rig
from gentri.rigs import values
from gentri.rigs.formats import is_native, read_rig
from gentri.rigs.lens_tables import sections
from gentri.rigs.texts import read_toml
from gentri.rigs.values import Size, Source

_KEY = "position_m"


def read_places(path: Path, sizes: Mapping[str, Size] | None = None) -> Rig | dict[str, FloatArray]:
    """A rig, or positions (3,) in metres, z up, by camera name.

    Positions stand as `position_m = [x, y, z]` in a section per camera.

    Args:
        path: file, or the folder of a rig.
        sizes: width and height of the pictures by camera, used where a rig does not say them.

    Raises:
        InputError: it is neither.
    """
    if path.is_file() and path.suffix.lower() == ".toml":
        entries = sections(read_toml(path))
        rig = is_native(path) or any({"size", "rotation"} & table.keys() for _, table in entries)
        if not rig or any(_KEY in table for _, table in entries):
            return values.by_name(path, entries, _position)
    return read_rig(path, sizes)


def _position(source: Source, table: Mapping[str, Any]) -> FloatArray:
    if _KEY not in table:
        raise source.refusal(
            f"{_KEY!r} is missing", f"write {_KEY} = [x, y, z] in its section: metres, z up"
        )
    return source.array(table[_KEY], _KEY, (3,))
