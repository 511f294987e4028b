"""Keypoints of one person: from files, and from plain arrays."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gentri.api.warning import warn_caller
from gentri.api.wording import in_python, refusing_in_python
from gentri.data import Detections, FloatArray, Keypoints2D, PathLike, Timeline
from gentri.errors import CalibrationError, InputError, PoorResultWarning, UsageError
from gentri.skeletons import Skeleton
from gentri.skeletons import skeleton as skeleton_of

Size = tuple[int, int]

# Enough to tell the person from others; `calibrate` takes more.
_FRAMES = 50


@refusing_in_python()
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

    Warns:
        PoorResultWarning: sizes or joint set are hardly those of these files.
        UserWarning: scores in other units, cameras that began apart, a size that may be wrong.

    Raises:
        InputError: the files cannot serve, or show nobody.
        UsageError: a size, a frame rate or a joint set that is none.
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
        edits["frames.image_fps"] = repr(_rate(fps))
    with TemporaryDirectory() as folder:
        session = Session.create(Path(folder) / "session", collect_keypoints(map(Path, paths)))
        edit_settings(stages.STAGES, session.settings_file, edits)
        params = load_settings(stages.STAGES, session.settings_file)
        machine = Runtime(), runner.Silent()
        outcomes = runner.run(stages.STAGES, session, params, *machine, until="detect")
        timeline = Timeline.load(session.root / "frames" / "timeline.npz")
        files = {name: session.root / "detect" / f"{name}.npz" for name in timeline.cameras}
        detections = {name: Detections.load(file) for name, file in files.items()}
    for metrics in (outcome.metrics for outcome in outcomes):
        for kind, category in (("poor", PoorResultWarning), ("warnings", UserWarning)):
            for text in metrics.get(kind, ()):
                warn_caller(in_python(text), category)
    return _subject(detections, timeline, params["calibrate"])


@refusing_in_python()
def keypoints_from_arrays(
    xy_px: ArrayLike,
    score: ArrayLike | None = None,
    *,
    size_px: ArrayLike,
    fps: float | None = None,
    time_s: ArrayLike | None = None,
    cameras: Sequence[str] | None = None,
    skeleton: str | Skeleton = "coco17",
) -> Keypoints2D:
    """One person in all cameras, from plain arrays.

    Args:
        xy_px: (C, T, J, 2) pixels of the upright, distorted pictures; NaN where not seen.
        score: (C, T, J) from 0 to 1; 1 for all that is seen when left out, or all NaN.
        size_px: (2,) or (C, 2) width and height.
        fps: frame rate, in place of `time_s`.
        time_s: (T,) when the frames were taken, ascending.
        cameras: C names; cam01, cam02 … when left out.
        skeleton: the joint set, or its name.

    Warns:
        PoorResultWarning: sizes that are hardly those of these joints.
        UserWarning: scores in other units, or a size that may be wrong.

    Raises:
        InputError: sizes that leave many joints outside.
        UsageError: shapes that do not fit each other, names, sizes or times that are none.
    """
    from gentri.keypoints.scores import unit_scores

    joints = skeleton if isinstance(skeleton, Skeleton) else skeleton_of(skeleton)
    xy = np.array(xy_px, dtype=np.float32)
    if xy.ndim != 4 or xy.shape[2:] != (len(joints), 2):
        raise UsageError(
            f"xy_px has the shape {xy.shape}",
            f"needed for {joints.name}: (cameras, ticks, {len(joints)}, 2)",
        )
    xy[~np.isfinite(xy).all(-1)] = np.nan
    count, ticks = xy.shape[:2]
    given = None if score is None else np.array(score, dtype=np.float32)
    if given is not None and given.shape != xy.shape[:3]:
        raise UsageError(
            f"score has the shape {given.shape}, xy_px {xy.shape}", "give one score per joint"
        )
    known, said = unit_scores(xy, given)
    if (fps is None) == (time_s is None):
        raise UsageError("fps or time_s has to be given, one of them", "give fps=30.0, for example")
    names = [f"cam{c:02d}" for c in range(1, count + 1)] if cameras is None else cameras
    size = _sizes(size_px, count)
    try:
        time = np.arange(ticks) / _rate(fps) if fps is not None else np.array(time_s, dtype=float)
        keypoints = Keypoints2D(xy, known, time, tuple(names), size, joints)
    except ValueError as error:
        raise UsageError(str(error), "C cameras, T ticks, J joints, in this order") from error
    keypoints.require_ascending()
    if said:
        warn_caller(said)
    _test_sizes(keypoints)
    return keypoints


def _rate(fps: Any) -> float:
    """Frames per second.

    Raises:
        UsageError: it is no number above 0.
    """
    try:
        rate = float(fps)
    except (TypeError, ValueError):
        rate = np.nan
    if not 0 < rate < np.inf:
        raise UsageError(f"fps is {fps!r}", "give frames per second, above 0: fps=30.0")
    return rate


def _sizes(size_px: ArrayLike, count: int) -> NDArray[np.int32]:
    """Width and height of so many cameras, (C, 2).

    Raises:
        UsageError: it is neither one size nor one for each.
    """
    try:
        size = np.array(size_px, dtype=np.int32)
    except (TypeError, ValueError, OverflowError):
        size = np.empty(0)
    if size.shape not in ((2,), (count, 2)):
        raise UsageError(
            f"size_px is {size_px!r}",
            "give width and height, (1920, 1080), or such a pair for every camera",
        )
    return np.broadcast_to(size, (count, 2)).copy()


def _test_sizes(keypoints: Keypoints2D) -> None:
    """Refuse a size that is too small for the joints, warn of one that seems too large."""
    from gentri.keypoints.sizes import doubt_sizes, refuse_outside, spread_of

    views: dict[str, FloatArray] = dict(zip(keypoints.cameras, keypoints.xy_px, strict=True))
    sizes = {n: (int(w), int(h)) for n, (w, h) in zip(views, keypoints.size_px, strict=True)}
    for name, xy in views.items():
        try:
            refuse_outside(name, xy, sizes[name])
        except InputError as error:
            raise InputError(
                error.message, "correct size_px, upright, as the detector saw the pictures"
            ) from error
    for doubt in doubt_sizes({name: spread_of(xy) for name, xy in views.items()}, sizes):
        category = PoorResultWarning if doubt.sure else UserWarning
        warn_caller(in_python(doubt.text), category)


def _size_setting(size_px: Size | Mapping[str, Size]) -> str:
    sizes = size_px if isinstance(size_px, Mapping) else {"": size_px}
    pairs = {name: _sizes(size, 1)[0] for name, size in sizes.items()}
    if any((pair <= 0).any() for pair in pairs.values()):
        raise UsageError(f"size_px is {size_px!r}", "give width and height in pixels, above 0")
    entries = [f"{name}{'=' * bool(name)}{w}x{h}" for name, (w, h) in pairs.items()]
    return json.dumps(entries, ensure_ascii=False)


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
