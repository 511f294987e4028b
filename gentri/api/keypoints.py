"""Keypoints of one person: from files, and from plain arrays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gentri.data import Detections, Keypoints2D, PathLike, Timeline
from gentri.errors import CalibrationError, GentriError, UsageError
from gentri.skeletons import skeleton as skeleton_of

Size = tuple[int, int]

# Enough to tell the person from others; `calibrate` takes more.
_FRAMES = 50


def read_keypoints(
    *paths: PathLike,
    size_px: Size | Mapping[str, Size] | None = None,
    fps: float | None = None,
    skeleton: str = "auto",
) -> Keypoints2D:
    """Read what another program detected, and choose the person to follow, as a session does.

    Args:
        paths: OpenPose or Pose2Sim JSON, MMPose predictions, or gentri's own npz, of all cameras.
        size_px: width and height of the upright videos, of all cameras or by camera name; may be
            left out where the files tell it.
        fps: frame rate; may be left out where the files tell it.
        skeleton: name of the joint set; "auto" goes by what the files say.

    Returns:
        The person in all cameras at the frames that they have in common.

    Raises:
        InputError: the files cannot serve, or show nobody.
    """
    from gentri import stages
    from gentri.configs.settings import edit_settings, load_settings
    from gentri.keypoints.sources import collect_keypoints
    from gentri.pipeline import runner
    from gentri.pipeline.session import Session
    from gentri.pipeline.stage import Runtime

    edits = {"frames.keypoint_skeleton": skeleton}
    if size_px is not None:
        edits["frames.keypoint_size_px"] = _size_setting(size_px)
    if fps is not None:
        edits["frames.image_fps"] = repr(float(fps))
    with TemporaryDirectory() as folder:
        session = Session.create(Path(folder) / "session", collect_keypoints(map(Path, paths)))
        edit_settings(stages.STAGES, session.settings_file, edits)
        params = load_settings(stages.STAGES, session.settings_file)
        try:
            runner.run(stages.STAGES, session, params, Runtime(), runner.Silent(), until="detect")
        except GentriError as error:
            raise type(error)(error.message, _in_python(error.hint)) from error
        timeline = Timeline.load(session.root / "frames" / "timeline.npz")
        files = {name: session.root / "detect" / f"{name}.npz" for name in timeline.cameras}
        detections = {name: Detections.load(file) for name, file in files.items()}
    return _subject(detections, timeline, params["calibrate"])


def keypoints_from_arrays(
    xy_px: ArrayLike,
    score: ArrayLike | None = None,
    *,
    size_px: ArrayLike,
    fps: float | None = None,
    time_s: ArrayLike | None = None,
    cameras: Sequence[str] | None = None,
    skeleton: str = "coco17",
) -> Keypoints2D:
    """One person in all cameras, from plain arrays.

    Args:
        xy_px: (C, T, J, 2) pixels of the upright, distorted pictures; NaN where not seen.
        score: (C, T, J) from 0 to 1; 1 for all that is seen when left out.
        size_px: (2,) or (C, 2) width and height.
        fps: frame rate, in place of `time_s`.
        time_s: (T,) when the frames were taken.
        cameras: C names; cam01, cam02 … when left out.
        skeleton: name of the joint set.

    Raises:
        UsageError: shapes that do not fit each other, or no time.
    """
    joints = skeleton_of(skeleton)
    xy = np.array(xy_px, dtype=np.float32)
    if xy.ndim != 4 or xy.shape[2:] != (len(joints), 2):
        raise UsageError(
            f"xy_px has the shape {xy.shape}",
            f"needed for {skeleton}: (cameras, ticks, {len(joints)}, 2)",
        )
    count, ticks = xy.shape[:2]
    known = np.ones(xy.shape[:3]) if score is None else np.array(score)
    if known.shape != xy.shape[:3]:
        raise UsageError(
            f"score has the shape {known.shape}, xy_px {xy.shape}", "give one score per joint"
        )
    if (fps is None) == (time_s is None):
        raise UsageError("fps or time_s has to be given, one of them", "give fps=30.0, for example")
    time = np.arange(ticks) / fps if fps is not None else np.array(time_s, dtype=np.float64)
    names = [f"cam{c:02d}" for c in range(1, count + 1)] if cameras is None else cameras
    known = np.where(np.isfinite(xy).all(axis=-1), known, np.nan).astype(np.float32)
    size = np.broadcast_to(np.array(size_px, dtype=np.int32), (count, 2)).copy()
    try:
        return Keypoints2D(xy, known, time, tuple(names), size, joints)
    except ValueError as error:
        raise UsageError(str(error), "C cameras, T ticks, J joints, in this order") from error


def _size_setting(size_px: Size | Mapping[str, Size]) -> str:
    sizes = size_px if isinstance(size_px, Mapping) else {"": size_px}
    entries = [f"{name}{'=' * bool(name)}{w}x{h}" for name, (w, h) in sizes.items()]
    return "[" + ", ".join(f'"{entry}"' for entry in entries) + "]"


# What the hints of stages advise on the command line → the same as arguments of `read_keypoints`.
_ARGUMENTS = (
    (r"(?:--size \S+=WIDTHxHEIGHT ?)+", "size_px={camera: (width, height), …}"),
    (r"--size (\d+)x(\d+)", r"size_px=(\1, \2)"),
    (r"--fps (\S+)", r"fps=\1"),
    (r"--skeleton NAME", "skeleton=…"),
    (r"--skeleton ([^\s,]+)", r'skeleton="\1"'),
    ("to the command", "to the call"),
)


def _in_python(hint: str) -> str:
    for option, argument in _ARGUMENTS:
        hint = re.sub(option, argument, hint)
    return hint


def _subject(detections: dict[str, Detections], timeline: Timeline, params: Any) -> Keypoints2D:
    """The person to follow, with broken tracks joined where cameras can be made out of them."""
    from gentri.geometry.person_rig import Known, estimate_rig
    from gentri.people.subject import gather_keypoints
    from gentri.people.subject_choice import choose_subject
    from gentri.people.whole import whole_subject

    subject = choose_subject(detections, timeline, {}, params.min_score)
    keypoints = gather_keypoints(detections, subject, params.min_score)
    if all(len(np.unique(seen.track[seen.track >= 0])) == 1 for seen in detections.values()):
        return keypoints
    try:
        coarse = replace(params, frames=min(params.frames, _FRAMES))
        rig = estimate_rig([keypoints], coarse, Known()).rig
    except CalibrationError:  # `calibrate` will say so; with a rig, what there is may do
        return keypoints
    whole = whole_subject(detections, subject, rig, params.min_score)
    return gather_keypoints(detections, whole, params.min_score)
