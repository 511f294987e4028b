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

from gentri.data import Detections, FloatArray, Poses3D, Rig, Timeline
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics, Stage

if TYPE_CHECKING:
    from gentri.media.painter import CameraView

Format = Literal["npz", "csv", "trc", "rig", "pose2sim"]


@dataclass(frozen=True)
class ExportParams:
    """What is written."""

    formats: tuple[Format, ...]
    overlay: bool
    overlay_max_side_px: int


def run(context: Context) -> Metrics:
    """Write the files into the stage's folder; metrics name each of them."""
    poses = Poses3D.load(context.inputs["triangulate"] / "poses3d.npz")
    rig = Rig.load(context.inputs["calibrate"] / "rig.toml")
    files = _write_files(context, poses, rig)
    views = _views(context, poses, rig)
    if context.params.overlay:
        files |= _write_overlays(context, views)
    return {
        "files": files,
        "reproj_px": {v.name: _median(v.distance_px) for v in views},
    }


def _write_files(context: Context, poses: Poses3D, rig: Rig) -> dict[str, str]:
    """Write the chosen formats. Returns path within the folder → what it is."""
    from gentri.export.rigs import write_pose2sim
    from gentri.export.tables import write_csv, write_trc
    from gentri.export.ticks import is_regular

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
    if "pose2sim" in formats:
        write_pose2sim(rig, out / "Calib.toml")
        files["Calib.toml"] = "cameras for Pose2Sim"
    return files


def _views(context: Context, poses: Poses3D, rig: Rig) -> list["CameraView"]:
    timeline = Timeline.load(context.inputs["frames"] / "timeline.npz")
    views = []
    for camera in rig.cameras:
        detections = Detections.load(context.inputs["detect"] / f"{camera.name}.npz")
        time_s = timeline.time_s[timeline.cameras.index(camera.name)]
        views.append(camera_view(camera.name, rig, detections, poses, time_s))
    return views


def camera_view(
    name: str, rig: Rig, detections: Detections, poses: Poses3D, time_s: FloatArray
) -> "CameraView":
    """Bring the 3D skeletons to the frames (T,) of one camera and find their detections."""
    from gentri.export.agreement import distance_px, match_people
    from gentri.export.ticks import nearest_ticks
    from gentri.geometry.cameras import project
    from gentri.media.painter import CameraView

    tick = nearest_ticks(time_s, poses.time_s)
    xyz = np.full((len(time_s), *poses.xyz.shape[1:]), np.nan)
    xyz[tick >= 0] = poses.xyz[tick[tick >= 0]]
    reprojected_px = project(rig.select((name,)).cameras[0], xyz)
    slots = match_people(detections.xy_px, reprojected_px)
    distances = distance_px(detections.xy_px, reprojected_px, slots)
    matched = (slots[:, :, None] == np.arange(detections.xy_px.shape[1])).any(axis=1)
    return CameraView(
        name=name,
        width=detections.width,
        height=detections.height,
        time_s=time_s,
        skeleton=detections.skeleton,
        detected_px=detections.xy_px,
        score=detections.score,
        is_bystander=~matched,
        track=detections.track,
        reprojected_px=reprojected_px,
        distance_px=np.array([np.nan if (v := _median(row)) is None else v for row in distances]),
    )


def _write_overlays(context: Context, views: list["CameraView"]) -> dict[str, str]:
    """Write a video per camera, side by side. Returns path within the folder → what it is."""
    from gentri.export.ticks import mean_rate_hz
    from gentri.media.overlay import write_overlay

    views = [v for v in views if len(v.time_s)]
    stop, count = Event(), _frame_counter(context, sum(len(v.time_s) for v in views))

    def on_frame() -> None:
        if stop.is_set():
            raise CancelledError
        count(1)

    def write(view: "CameraView") -> None:
        part = context.parts / f"{view.name}.mp4"
        if part.exists():
            count(len(view.time_s))
            return
        frames, rate_hz = context.inputs["frames"] / view.name, mean_rate_hz(view.time_s)
        side_px = context.params.overlay_max_side_px
        write_overlay(view, frames, part, rate_hz, side_px, on_frame)

    workers = context.runtime.workers or min(len(views), os.cpu_count() or 1)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            for done in as_completed([pool.submit(write, view) for view in views]):
                done.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for view in views:
        _copy(context.parts / f"{view.name}.mp4", context.out / "overlay" / f"{view.name}.mp4")
    return {f"overlay/{v.name}.mp4": "detections and reprojected 3D, to look at" for v in views}


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
    version=1,
    needs=("frames", "detect", "calibrate", "triangulate"),
    params=ExportParams,
    run=run,
)
