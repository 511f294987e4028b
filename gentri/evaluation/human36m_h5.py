"""Human3.6M as 3d-pose-baseline keeps it: HDF5 files in a tree, subject by subject.

`S9/MyPoses/3D_positions/<action>.h5` has the truth, millimetres, and
`S9/StackedHourglass/<action>.<camera>.h5` detections in MPII's order, without confidences, with "_"
for the space in the action's name. Both are at 50 Hz.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gentri.data import FloatArray
from gentri.errors import InputError

TRUTH, DETECTIONS = "MyPoses/3D_positions", "StackedHourglass"
_MM = 1e-3
_JOINTS = 32  # of the truth


@contextmanager
def open_h5(path: Path) -> Iterator[Any]:
    """A file of HDF5, read with h5py where that is installed."""
    try:
        import h5py  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError(
            f"{path}: reading it needs the package h5py, which is not installed",
            "pip install h5py, or give files of another layout: docs/evaluation.md",
        ) from error
    with h5py.File(path, "r") as file:
        yield file


def read_truth(folder: Path, subject: str) -> dict[str, FloatArray]:
    """Action → joints (T, 32, 3), metres.

    Raises:
        InputError: there are no files of the subject, or they are laid out otherwise.
    """
    truth = {}
    for path in _files(folder / subject / TRUTH):
        flat = _dataset(path, "3D_positions")
        if flat.ndim != 2 or len(flat) != 3 * _JOINTS:
            raise InputError(
                f"{path} has an array of {flat.shape}", f"needed: {3 * _JOINTS} rows, x, y, z"
            )
        truth[path.stem] = flat.T.reshape(-1, _JOINTS, 3) * _MM
    return truth


def read_detections(
    folder: Path, subject: str, cameras: Sequence[str]
) -> dict[str, dict[str, FloatArray]]:
    """Action → camera → joints (T, 16, 2), pixels, of those of the cameras that have a file.

    Raises:
        InputError: there are no files of the subject, or they are damaged.
    """
    seen: dict[str, dict[str, FloatArray]] = {}
    for path in _files(folder / subject / DETECTIONS):
        action, _, camera = path.stem.replace("_", " ").rpartition(".")
        views = seen.setdefault(action, {})
        if camera in cameras:
            views[camera] = _dataset(path, "poses")
    return seen


def _files(folder: Path) -> list[Path]:
    if not (files := sorted(folder.glob("*.h5"))):
        raise InputError(f"{folder} has no files *.h5", "unpack all of 3d-pose-baseline's archive")
    return files


def _dataset(path: Path, name: str) -> FloatArray:
    try:
        with open_h5(path) as file:
            return np.asarray(file[name], dtype=np.float64)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} has no numbers {name!r} ({error})", "take the file from its source again"
        ) from error
