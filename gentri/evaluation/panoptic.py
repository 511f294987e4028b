"""CMU Panoptic from a user's copy: HD cameras, 3D joints, and keypoint files of the user's.

A sequence's folder holds `calibration_<sequence>.json` and
`hdPose3d_stage1_coco19/body3DScene_<frame>.json`. Its world is in centimetres with y down.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gentri.data import Camera, FloatArray, Rig
from gentri.errors import InputError
from gentri.evaluation.detections import keypoints_of, read_views
from gentri.evaluation.suites import EvaluationSet, joined, mapped
from gentri.rigs import values
from gentri.rigs.values import Source

FPS = 29.97
_CM = 1e-2
_POSES = "hdPose3d_stage1_coco19"
# Rows are x, y, z of gentri's world in that of the dataset: its z is our y, its −y our z.
_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

# The dataset's order ("coco19").
JOINTS = (
    *("neck", "nose", "hip"),
    *("left_shoulder", "left_elbow", "left_wrist", "left_hip", "left_knee", "left_ankle"),
    *("right_shoulder", "right_elbow", "right_wrist", "right_hip", "right_knee", "right_ankle"),
    *("left_eye", "left_ear", "right_eye", "right_ear"),
)


def read_sequence(folder: Path, keypoints: Path, cameras: Sequence[int]) -> EvaluationSet:
    """A sequence before some of the HD cameras; every person, while in the dome, is a clip.

    Args:
        folder: of the sequence.
        keypoints: folder of the detections of all these cameras, each called after its camera:
            `00_03` or `hd_00_03`. Numbers of frames are those of the pictures and of the truth.
        cameras: numbers of HD cameras, such as those of `protocols.CAMERA_SETS`.

    Raises:
        InputError: something is absent or laid out otherwise.
    """
    rig = read_rig(folder, cameras)
    views = read_views(keypoints, rig.names)
    clips = []
    for frame, xyz in _people(folder):
        truth = mapped(xyz, JOINTS, views.skeleton)
        clips.append((keypoints_of(views, rig, truth, frame, FPS), truth))
    return joined(folder.name, rig, clips)


def read_rig(folder: Path, cameras: Sequence[int]) -> Rig:
    """HD cameras of a sequence by their numbers, metres, z up.

    Raises:
        InputError: there is no calibration, or not of these cameras.
    """
    path = folder / f"calibration_{folder.name}.json"
    listed = _listed(path, "cameras", ("name", "type"))
    entries = {c["name"]: c for c in listed if c["type"] == "hd"}
    names = [f"00_{number:02d}" for number in cameras]
    if missing := [name for name in names if name not in entries]:
        raise InputError(
            f"{path} has no HD camera {', '.join(missing)}, but {', '.join(entries)}",
            "choose among these",
        )
    return Rig(tuple(_camera(entries[name], path) for name in names), "given", 0.0, "given")


def _camera(entry: dict[str, Any], path: Path) -> Camera:
    source = Source(path, entry["name"])
    R = source.array(source.get(entry, "R"), "R", (3, 3)) @ _WORLD.T
    t = source.array(source.get(entry, "t"), "t", (3,)) * _CM
    K = source.array(source.get(entry, "K"), "K", (3, 3))
    dist = values.opencv_distortion(source.get(entry, "distCoef"), source)
    lens = values.lens(source.size(source.get(entry, "resolution")), K, dist, source)
    return values.camera(lens, values.pose(R, t, source), source)


def _people(folder: Path) -> Iterator[tuple[NDArray[np.int64], FloatArray]]:
    """Frames (T,) and joints (T, 19, 3) of one person after the other, between breaks."""
    paths = (folder / _POSES).glob("body3DScene_*.json")
    named = ((path.stem.rpartition("_")[2], path) for path in paths)
    files = dict(sorted((int(number), path) for number, path in named if number.isdecimal()))
    found: dict[int, list[tuple[int, FloatArray]]] = {}
    for frame, path in files.items():
        for entry in _listed(path, "bodies", ("id", "joints19")):
            person, joints = _body(entry, path)
            found.setdefault(person, []).append((frame, joints))
    if not found:
        raise InputError(
            f"{folder / _POSES} has nobody in {len(files)} files body3DScene_….json",
            f"unpack {_POSES}.tar of the sequence there",
        )
    step = min(np.diff(list(files)), default=1)
    for number in sorted(found):
        frame = np.array([at for at, _ in found[number]], dtype=np.int64)
        xyz = np.stack([joints for _, joints in found[number]])
        breaks = np.flatnonzero(np.diff(frame) > step) + 1
        yield from zip(np.split(frame, breaks), np.split(xyz, breaks), strict=True)


def _body(entry: dict[str, Any], path: Path) -> tuple[int, FloatArray]:
    """Who it is, and joints (19, 3), metres; a confidence of −1: this joint was not found."""
    try:
        person, flat = int(entry["id"]), np.array(entry["joints19"], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: a body is not made of numbers", "download it again") from error
    if flat.shape != (4 * len(JOINTS),):
        raise InputError(
            f"{path}: a body has {flat.size} numbers, needed are {4 * len(JOINTS)}",
            f"take the joints of {_POSES}",
        )
    rows = flat.reshape(-1, 4)
    xyz = rows[:, :3] @ _WORLD.T * _CM
    return person, np.where(rows[:, 3:] > 0, xyz, np.nan)


def _listed(path: Path, key: str, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    """What a file lists under a key, each entry with what is wanted of it."""
    content = _read(path)
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise InputError(f"{path} has no list of {key}", "give the file as the dataset has it")
    for name in wanted:
        if not all(name in entry for entry in entries):
            raise InputError(
                f"{path}: one of its {key} has no {name}", "give the file as the dataset has it"
            )
    return entries


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}",
            "give the folder of the sequence, as the toolbox of the dataset makes it",
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}", "download it again") from error
