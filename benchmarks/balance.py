"""The clip in examples/balance: its files, its cameras by Qualisys, OpenPose's detections in it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from gentri.data import Detections, FloatArray, Rig, Timeline
from gentri.people.tracks import Tracker
from gentri.rigs import qualisys
from gentri.skeletons import COCO17

CLIP = Path(__file__).parents[1] / "examples" / "balance"
VIDEOS = tuple(sorted((CLIP / "videos").glob("*.mp4")))
STILL_VIDEOS = tuple(sorted((CLIP / "static_videos").glob("*.mp4")))
FPS = 60

# OpenPose scores joints that it does not see 0, and those that it guesses little.
_LEAST_SCORE = 0.05
_TRACK_GAP_FRAMES = FPS // 2


def qualisys_rig() -> Rig:
    """The cameras of the clip's Qualisys calibration, named like its videos."""
    rig = qualisys.read(CLIP / "Calib.qca.txt")
    cameras = tuple(replace(camera, name=camera.name.replace("_", "")) for camera in rig.cameras)
    return replace(rig, cameras=cameras)


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
