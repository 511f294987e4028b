"""The clip in examples/balance: its files, its cameras by Qualisys, OpenPose's detections in it."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from gentri.data import Camera, Detections, FloatArray, Rig, Rigid3, Timeline
from gentri.people.tracks import Tracker
from gentri.skeletons import COCO17

CLIP = Path(__file__).parents[1] / "examples" / "balance"
VIDEOS = tuple(sorted((CLIP / "videos").glob("*.mp4")))
STILL_VIDEOS = tuple(sorted((CLIP / "static_videos").glob("*.mp4")))
FPS = 60

# Qualisys stores 64 steps per pixel, and looks along −z with y up.
_STEPS_PER_PIXEL = 64.0
_OPENCV_FROM_QUALISYS = np.diag([1.0, -1.0, -1.0])
_MM_PER_M = 1000.0

# OpenPose scores joints that it does not see 0, and those that it guesses little.
_LEAST_SCORE = 0.05
_TRACK_GAP_FRAMES = FPS // 2


def qualisys_rig(path: Path = CLIP / "Calib.qca.txt") -> Rig:
    """The cameras of a Qualisys calibration file.

    Lens distortion is left at zero: the file's is defined for Qualisys' own model, and neither
    attitudes, centres nor focal lengths depend on it.
    """
    root = ElementTree.parse(path).getroot()
    cameras = tuple(_camera(entry) for entry in root.iter("camera"))
    return Rig(cameras, scale_source="given", scale_sigma=0.0)


def _camera(entry: ElementTree.Element) -> Camera:
    pose, lens, field = (_numbers(entry, tag) for tag in ("transform", "intrinsic", "fov_video"))
    # The rows of its rotation are the camera's axes in the world; x y z is its centre.
    axes = np.array([[pose[f"r{row}{column}"] for column in "123"] for row in "123"])
    R = _OPENCV_FROM_QUALISYS @ axes
    center_m = np.array([pose[axis] for axis in "xyz"]) / _MM_PER_M
    focal_u, focal_v = lens["focalLengthU"], lens["focalLengthV"]
    K = np.array([[focal_u, 0, lens["centerPointU"]], [0, focal_v, lens["centerPointV"]]])
    return Camera(
        name=entry.attrib["serial"].replace("_", ""),
        width=int(field["right"] - field["left"]) + 1,
        height=int(field["bottom"] - field["top"]) + 1,
        K=np.vstack([K / _STEPS_PER_PIXEL, [0.0, 0.0, 1.0]]),
        dist=np.zeros(5),
        cam_from_world=Rigid3(R, -R @ center_m),
        intrinsics_source="given",
    )


def _numbers(entry: ElementTree.Element, tag: str) -> dict[str, float]:
    found = entry.find(tag)
    if found is None:
        raise ValueError(f"a camera without <{tag}>: not a Qualisys calibration")
    return {name: float(value) for name, value in found.attrib.items()}


def openpose_detections(timeline: Timeline) -> dict[str, Detections]:
    """What OpenPose BODY_25B saw of all people, at the frames of a session of the clip."""
    content = json.loads((CLIP / "openpose_body25b.json").read_text(encoding="utf-8"))
    found = {}
    for name, time_s, size in zip(timeline.cameras, timeline.time_s, timeline.size_px, strict=True):
        listed = content["people2d"][name]
        frames = [_people(listed[round(t * FPS)]) for t in time_s]
        found[name] = _detections(frames, int(size[0]), int(size[1]))
    return found


def _people(listed: list[list[list[float]]]) -> list[FloatArray]:
    """Those with at least half of their joints, (J, 3) x y score; NaN for what was not seen."""
    people = [np.array(person, dtype=np.float32)[: len(COCO17)] for person in listed]
    for person in people:
        person[person[:, 2] < _LEAST_SCORE] = np.nan
    return [p for p in people if np.isfinite(p[:, 2]).sum() >= len(COCO17) / 2]


def _detections(frames: list[list[FloatArray]], width: int, height: int) -> Detections:
    slots = max(map(len, frames))
    people = np.full((len(frames), slots, len(COCO17), 3), np.nan, dtype=np.float32)
    box_px = np.full((len(frames), slots, 4), np.nan, dtype=np.float32)
    track = np.full((len(frames), slots), -1, dtype=np.int32)
    tracker = Tracker(COCO17, _TRACK_GAP_FRAMES)
    for frame, present in enumerate(frames):
        n = len(present)
        for slot, person in enumerate(present):
            people[frame, slot] = person
            low, high = np.nanmin(person[:, :2], axis=0), np.nanmax(person[:, :2], axis=0)
            box_px[frame, slot] = np.concatenate([low, high])
        track[frame, :n] = tracker.update(people[frame, :n, :, :2], box_px[frame, :n])
    return Detections(people[..., :2], people[..., 2], box_px, track, width, height, COCO17)
