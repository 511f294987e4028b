"""export: the results as files for people and other programs, and videos to look at."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Literal

import numpy as np

from gentri.data import Camera, Detections, FloatArray, Poses3D, Rig, Timeline
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics, Stage, require
from gentri.stages.keypoint_files import has_keypoints

if TYPE_CHECKING:
    from gentri.media.painter import CameraView

# Frames that are projected at a time: what is needed on the way stays at some megabytes.
_BLOCK_FRAMES = 1024

Format = Literal[
    "npz",
    "csv",
    "trc",
    "rig",
    "pose2sim",
    "aniposelib",
    "easymocap",
    "colmap",
    "nerfstudio",
    "qualisys",
    "opencv",
]


@dataclass(frozen=True)
class ExportParams:
    """What is written."""

    formats: tuple[Format, ...]
    overlay: bool
    overlay_max_side_px: int

    def __post_init__(self) -> None:
        # In a smaller picture no skeleton can be made out.
        require(self, "overlay_max_side_px", self.overlay_max_side_px >= 64, "at least 64")


def run(context: Context) -> Metrics:
    """Write the files into the stage's folder; metrics name each of them."""
    poses = Poses3D.load(context.inputs["triangulate"] / "poses3d.npz")
    rig = Rig.load(context.inputs["calibrate"] / "rig.toml")
    files = _write_files(context, poses, rig)
    timeline = Timeline.load(context.inputs["frames"] / "timeline.npz")
    if context.params.overlay and has_keypoints(context.inputs["frames"], timeline):
        context.progress.say("no overlay videos: keypoint files come without pictures")
    reproj_px = _look_through_cameras(context, poses, rig, timeline)
    for name in _with_overlay(context, timeline):
        _publish(context, name)
        files[f"overlay/{name}.mp4"] = "detections and reprojected 3D, to look at"
    return {"files": files, "reproj_px": reproj_px}


def _write_files(context: Context, poses: Poses3D, rig: Rig) -> dict[str, str]:
    """Write the chosen formats. Returns path within the folder → what it is."""
    from gentri.export.tables import write_csv, write_trc
    from gentri.rigs.formats import WRITERS, write_rigs
    from gentri.ticks import is_regular

    out, formats, files = context.out, context.params.formats, {}
    if "npz" in formats:
        _copy(context.inputs["triangulate"] / "poses3d.npz", out / "poses3d.npz")
        files["poses3d.npz"] = "3D joints, NumPy arrays"
    if "csv" in formats:
        write_csv(poses, out / "poses3d.csv")
        files["poses3d.csv"] = "3D joints, one row per tick, person and joint"
    if "trc" in formats and len(poses.time_s):
        if not is_regular(poses.time_s):
            context.progress.say(
                "the time stamps are irregular: TRC files hold the true times in their column Time,"
                " and the mean rate as DataRate; use a reader that goes by Time, as OpenSim does"
            )
        for person in range(poses.xyz.shape[1]):
            name = f"poses3d_person{person}.trc"
            write_trc(poses, person, out / name)
            files[name] = "3D joints for OpenSim, metres, y up"
    if "rig" in formats:
        _copy(context.inputs["calibrate"] / "rig.toml", out / "rig.toml")
        files["rig.toml"] = "cameras"
    return files | write_rigs(rig, out, [name for name in WRITERS if name in formats])


def camera_view(
    camera: Camera, detections: Detections, poses: Poses3D, time_s: FloatArray
) -> "CameraView":
    """Bring the 3D skeletons to the frames (T,) of one camera and find their detections."""
    from gentri.export.agreement import distance_px, match_people
    from gentri.geometry.cameras import project
    from gentri.media.painter import CameraView
    from gentri.ticks import nearest_ticks

    tick = nearest_ticks(time_s, poses.time_s)
    shape = (len(time_s), *poses.xyz.shape[1:3])
    reprojected_px = np.full((*shape, 2), np.nan, dtype=np.float32)
    apart_px = np.full(shape[:2], np.nan)
    is_bystander = np.ones(detections.track.shape, dtype=bool)
    shown = np.flatnonzero(tick >= 0)
    for t in np.split(shown, range(_BLOCK_FRAMES, len(shown), _BLOCK_FRAMES)):
        xy_px, seen_px = project(camera, poses.xyz[tick[t]]), detections.xy_px[t]
        slots = match_people(seen_px, xy_px)
        apart_px[t] = distance_px(seen_px, xy_px, slots)
        is_bystander[t] = ~(slots[:, :, None] == np.arange(seen_px.shape[1])).any(axis=1)
        reprojected_px[t] = xy_px
    return CameraView(
        name=camera.name,
        width=detections.width,
        height=detections.height,
        time_s=time_s,
        skeleton=detections.skeleton,
        detected_px=detections.xy_px,
        score=detections.score,
        is_bystander=is_bystander,
        track=detections.track,
        reprojected_px=reprojected_px,
        distance_px=np.array([np.nan if (v := _median(row)) is None else v for row in apart_px]),
    )


def _look_through_cameras(
    context: Context, poses: Poses3D, rig: Rig, timeline: Timeline
) -> dict[str, float | None]:
    """Compare 2D and 3D, and write the videos that are wanted, several cameras at a time.

    Returns:
        Camera name → median distance of detected and reprojected joints, pixels.
    """
    time_s = dict(zip(timeline.cameras, timeline.time_s, strict=True))
    overlays = _with_overlay(context, timeline)
    stop, count = Event(), _frame_counter(context, sum(len(time_s[name]) for name in overlays))

    def on_frame() -> None:
        if stop.is_set():
            raise CancelledError
        count(1)

    def look(camera: Camera) -> float | None:
        detections = Detections.load(context.inputs["detect"] / f"{camera.name}.npz")
        view = camera_view(camera, detections, poses, time_s[camera.name])
        if camera.name in overlays:
            if any(path.exists() for path in _overlay_places(context, camera.name)):
                count(len(view.time_s))
            else:
                _write_overlay(context, view, on_frame)
        return _median(view.distance_px)

    with ThreadPoolExecutor(context.runtime.threads) as pool:
        try:
            found = {camera.name: pool.submit(look, camera) for camera in rig.cameras}
            for done in as_completed(found.values()):
                done.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {name: done.result() for name, done in found.items()}


def _with_overlay(context: Context, timeline: Timeline) -> list[str]:
    """The cameras whose video is wanted and has a frame; keypoint files have no pictures."""
    frames = context.inputs["frames"]
    if not context.params.overlay or has_keypoints(frames, timeline):
        return []
    named = zip(timeline.cameras, timeline.time_s, strict=True)
    return [name for name, time_s in named if len(time_s)]


def _overlay_places(context: Context, name: str) -> tuple[Path, Path]:
    """Where a finished video waits for the others, and where it is published."""
    return context.parts / f"{name}.mp4", context.out / "overlay" / f"{name}.mp4"


def _write_overlay(context: Context, view: "CameraView", on_frame: Callable[[], None]) -> None:
    from gentri.media.overlay import write_overlay
    from gentri.ticks import mean_rate_hz

    part, _ = _overlay_places(context, view.name)
    frames, rate_hz = context.inputs["frames"] / view.name, mean_rate_hz(view.time_s)
    write_overlay(view, frames, part, rate_hz, context.params.overlay_max_side_px, on_frame)


def _publish(context: Context, name: str) -> None:
    """Move a finished video; may be repeated after a kill."""
    part, published = _overlay_places(context, name)
    if part.exists():
        published.parent.mkdir(exist_ok=True)
        os.replace(part, published)


def _frame_counter(context: Context, total: int) -> Callable[[int], None]:
    """Progress that several threads may report to."""
    lock, done = Lock(), 0

    def count(frames: int) -> None:
        nonlocal done
        with lock:
            done += frames
            context.progress.advance(done, total, "frames")

    return count


def _copy(source: Path, target: Path) -> None:
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)


def _median(values: FloatArray) -> float | None:
    """Median of what was measured; None, which JSON can hold, where nothing was."""
    measured = values[np.isfinite(values)]
    return float(np.median(measured)) if len(measured) else None


STAGE = Stage(
    name="export",
    version=2,
    needs=("frames", "detect", "calibrate", "triangulate"),
    params=ExportParams,
    run=run,
)
