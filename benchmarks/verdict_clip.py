"""The verdict on the real clip in examples/balance, as it is and damaged in known ways."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import balance
import numpy as np

from gentri.data import FloatArray, Keypoints2D, Timeline
from gentri.errors import CalibrationError
from gentri.geometry.calibration import calibrate_views
from gentri.geometry.comparison import compare_rigs
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.verdict import judge
from gentri.geometry.world import rig_in_world, world_of_person
from gentri.people.subject import gather_keypoints
from gentri.people.subject_choice import choose_subject
from gentri.skeletons import COCO17

MIN_SCORE = 0.3
LATE_TICKS = 18  # 0.3 s
TURN_DEG = 3.0
Rows = list[dict[str, Any]]


def walking() -> Keypoints2D:
    """The athlete in OpenPose's detections of the clip."""
    content = _content("openpose_body25b.json")
    frames = min(map(len, content["people2d"].values()))
    names = tuple(content["people2d"])
    time_s = np.arange(frames) / balance.FPS
    timeline = Timeline(names, tuple(time_s for _ in names), _sizes(names))
    detections = balance.openpose_detections(timeline)
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    return gather_keypoints(detections, subject, MIN_SCORE)


def standing() -> Keypoints2D:
    """The athlete, alone and still."""
    people = _content("static_openpose_body25b.json")["people2d"]
    frames = min(map(len, people.values()))
    found = np.array([[p[f][0][: len(COCO17)] for f in range(frames)] for p in people.values()])
    found = found.astype(np.float32)
    found[found[..., 2] < MIN_SCORE] = np.nan
    names = tuple(people)
    time_s = np.arange(frames) / balance.FPS
    return Keypoints2D(found[..., :2], found[..., 2], time_s, names, _sizes(names), COCO17)


def late(keypoints: Keypoints2D) -> Keypoints2D:
    """The third camera shows everything 0.3 s later."""
    xy, score = keypoints.xy_px.copy(), keypoints.score.copy()
    for values in (xy, score):
        values[2, LATE_TICKS:] = values[2, :-LATE_TICKS].copy()
        values[2, :LATE_TICKS] = np.nan
    return replace(keypoints, xy_px=xy, score=score)


def turned(keypoints: Keypoints2D) -> Keypoints2D:
    """The third camera turns by 3° half way: its pixels as the homography K R K⁻¹ moves them."""
    truth = balance.qualisys_rig().cameras[2]
    c, s = np.cos(np.radians(TURN_DEG)), np.sin(np.radians(TURN_DEG))
    turn = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    H = truth.K @ turn @ np.linalg.inv(truth.K)
    xy = keypoints.xy_px.copy()
    half = xy.shape[1] // 2
    seen: FloatArray = xy[2, half:].astype(np.float64)
    moved = np.concatenate([seen, np.ones_like(seen[..., :1])], axis=-1) @ H.T
    xy[2, half:] = moved[..., :2] / moved[..., 2:]
    return replace(keypoints, xy_px=xy)


def canaries(options: CalibrationOptions) -> Rows:
    """Level, reasons and true error of each version of the clip."""
    versions: dict[str, tuple[Callable[[], Keypoints2D], set[str]]] = {
        "the clip": (walking, set()),
        "third camera 0.3 s late": (lambda: late(walking()), {"late"}),
        "third camera turned by 3°": (lambda: turned(walking()), {"knocked"}),
        "standing still": (standing, {"spot"}),
    }
    return [{"clip": n} | _judged(make(), right, options) for n, (make, right) in versions.items()]


def table(rows: Rows) -> list[str]:
    """A line for each."""
    lines = ["the clip in examples/balance"]
    for r in rows:
        error = f"{r['rotation_deg']:.2f}°" if "rotation_deg" in r else ""
        says = "; ".join(r["reasons"])
        mark = "PASS" if r["right"] else "MISS"
        lines.append(f"{r['clip']:28s}{r['level']:8s}{error:8s}{mark}  {says}")
    return lines


def _judged(keypoints: Keypoints2D, right: set[str], options: CalibrationOptions) -> dict[str, Any]:
    try:
        found = calibrate_views([keypoints], options)
        world = world_of_person(found.views, found.xyz, None)
    except CalibrationError as e:
        return {"level": "refused", "reasons": [e.message], "right": bool(right)}
    rig = rig_in_world(found.views, world, keypoints.cameras, keypoints.size_px)
    verdict = judge([keypoints], rig, found)
    error = compare_rigs(rig, balance.qualisys_rig())
    kinds = {r.kind for r in verdict.reasons if r.level == "poor"}
    return {
        "level": verdict.level,
        "reasons": [r.text for r in verdict.reasons],
        "right": bool(kinds & right) if right else not kinds,
        "rotation_deg": float(np.median(error.rotation_deg)),
        "measures": verdict.measures.as_json(),
    }


def _content(name: str) -> dict[str, Any]:
    return json.loads((balance.CLIP / name).read_text(encoding="utf-8"))


def _sizes(names: tuple[str, ...]) -> np.ndarray:
    cameras = balance.qualisys_rig().cameras
    return np.array([(c.width, c.height) for c in cameras[: len(names)]], dtype=np.int32)
