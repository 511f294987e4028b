"""gentri's own `rig.toml`."""

from pathlib import Path

from gentri.data import Rig
from gentri.errors import InputError
from gentri.pipeline.atomic import atomic_write
from gentri.rigs import values
from gentri.rigs.texts import read_text
from gentri.rigs.values import Source

FILE = "rig.toml"


def read(path: Path) -> Rig:
    """Read a `rig.toml`; numbers are checked as in all other files, and kept as they are.

    Raises:
        InputError: it is no such file.
    """
    read_text(path)
    try:
        rig = Rig.load(path)
    except (KeyError, TypeError, ValueError) as error:
        wrong = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
        raise InputError(
            f"{path} is not a complete rig.toml: {wrong}", "give the file as gentri wrote it"
        ) from error
    for item in values.by_name(path, [(c.name, c) for c in rig.cameras], lambda _, c: c).values():
        source = Source(path, item.name)
        pose = item.cam_from_world
        for what, numbers in (("K", item.K), ("dist", item.dist), ("R", pose.R), ("t_m", pose.t)):
            source.array(numbers, what, numbers.shape)
        size = source.size([item.width, item.height])
        values.lens(size, item.K, item.dist, source)
        values.pose(pose.R, pose.t, source)
    return rig


def write(rig: Rig, path: Path) -> None:
    """Write `rig.toml`."""
    with atomic_write(path) as temporary:
        rig.save(temporary)
