"""Cameras of Human3.6M, from a file of the user's: they differ from subject to subject.

Three layouts, all in millimetres: the labels of learnable-triangulation-pytorch (`.npy`) and
`camera-parameters.json`, both with x_cam = R x_world + t, and `cameras.h5` of 3d-pose-baseline,
with x_cam = R (x_world − T) and matrices transposed, as MATLAB stores them.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gentri.data import Camera, Rig
from gentri.errors import InputError
from gentri.evaluation.human36m_h5 import open_h5
from gentri.evaluation.restricted_pickle import load_numpy
from gentri.rigs import values
from gentri.rigs.values import Source

# In the order in which every layout has them; sizes of their pictures.
CAMERAS: tuple[str, ...] = ("54138969", "55011271", "58860488", "60457274")
SIZES_PX = {
    "54138969": (1000, 1002),
    "55011271": (1000, 1000),
    "58860488": (1000, 1000),
    "60457274": (1000, 1002),
}
_MM = 1e-3


class _Entry(NamedTuple):
    """One camera of one subject: x_cam = R x_world + t, millimetres."""

    subject: str
    camera: str
    K: Any
    dist: Any
    R: Any
    t: Any


def read_cameras(path: Path) -> dict[str, Rig]:
    """Subject → rig of the four cameras, metres.

    Raises:
        InputError: it is none of the layouts, or damaged.
    """
    readers = {".npy": _of_labels, ".json": _of_json, ".h5": _of_h5}
    if path.suffix.lower() not in readers:
        raise InputError(
            f"{path} holds no cameras of Human3.6M that gentri can read",
            "give human36m-multiview-labels-….npy, camera-parameters.json or cameras.h5",
        )
    try:
        entries = list(readers[path.suffix.lower()](path))
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is laid out otherwise ({type(error).__name__}: {error})",
            "take the file from its source again",
        ) from error
    rigs: dict[str, Rig] = {}
    for subject in dict.fromkeys(entry.subject for entry in entries):
        mine = [e for e in entries if e.subject == subject and e.camera in CAMERAS]
        found = {entry.camera: _camera(entry, path) for entry in mine}
        if missing := [name for name in CAMERAS if name not in found]:
            raise InputError(
                f"{path}: {subject} has no camera {', '.join(missing)}",
                "take the file from its source again",
            )
        rigs[subject] = Rig(tuple(found[name] for name in CAMERAS), "given", 0.0, "given")
    return rigs


def _camera(entry: _Entry, path: Path) -> Camera:
    source = Source(path, entry.camera)
    pose = values.pose(
        source.array(entry.R, "R", (3, 3)), source.array(entry.t, "t", (3,)) * _MM, source
    )
    K = source.array(entry.K, "K", (3, 3))
    lens = values.lens(
        SIZES_PX[entry.camera], K, values.opencv_distortion(entry.dist, source), source
    )
    return values.camera(lens, pose, source)


def _of_labels(path: Path) -> Iterator[_Entry]:
    labels = load_numpy(path)
    for subject, row in zip(labels["subject_names"], labels["cameras"], strict=True):
        for camera, c in zip(labels["camera_names"], row, strict=True):
            yield _Entry(subject, camera, c["K"], c["dist"], c["R"], c["t"])


def _of_json(path: Path) -> Iterator[_Entry]:
    content = json.loads(path.read_text(encoding="utf-8"))
    for subject, cameras in content["extrinsics"].items():
        for camera, pose in cameras.items():
            lens = content["intrinsics"][camera]
            yield _Entry(
                subject,
                camera,
                lens["calibration_matrix"],
                lens["distortion"],
                pose["R"],
                pose["t"],
            )


def _of_h5(path: Path) -> Iterator[_Entry]:
    with open_h5(path) as file:
        for subject in (name for name in map(str, file) if name.startswith("subject")):
            for group in file[subject].values():
                yield _of_group("S" + subject.removeprefix("subject"), group)


def _of_group(subject: str, group: Mapping[str, Any]) -> _Entry:
    v = {key: np.array(group[key]).squeeze() for key in ("R", "T", "f", "c", "k", "p", "Name")}
    R = v["R"].T
    return _Entry(
        subject,
        "".join(chr(int(code)) for code in v["Name"]),
        values.pinhole(*v["f"], *v["c"]),
        [*v["k"][:2], *v["p"], v["k"][2]],
        R,
        -R @ v["T"],
    )
