"""Videos, pictures or keypoint files → frames per camera, and when each was taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gentri.data import FloatArray, Timeline
from gentri.errors import InputError
from gentri.keypoints.sizes import is_size
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics, Runtime, Stage, require
from gentri.stages import keypoint_files

if TYPE_CHECKING:
    from gentri.media.extract import Extraction
    from gentri.pipeline.session import Session


@dataclass(frozen=True)
class FramesParams:
    """Settings of the table [frames]."""

    fps: float | Literal["source"]
    max_side_px: int | Literal["source"]
    jpeg_quality: int
    start_s: float
    end_s: float | Literal["end"]
    image_fps: float | Literal["unknown"]
    keypoint_skeleton: Literal[
        "auto", "coco17", "halpe26", "wholebody133", "body25", "body25b", "mpii16", "h36m17"
    ]
    keypoint_size_px: tuple[str, ...]

    def __post_init__(self) -> None:
        require(self, "fps", self.fps == "source" or self.fps > 0, 'above 0, or "source"')
        side_fits = self.max_side_px == "source" or self.max_side_px >= 16
        require(self, "max_side_px", side_fits, 'at least 16, or "source"')
        require(self, "jpeg_quality", 1 <= self.jpeg_quality <= 100, "1 to 100")
        require(self, "start_s", self.start_s >= 0, "at least 0")
        end_fits = self.end_s == "end" or self.end_s > self.start_s
        require(self, "end_s", end_fits, f'above start_s = {self.start_s}, or "end"')
        image_fits = self.image_fps == "unknown" or self.image_fps > 0
        require(self, "image_fps", image_fits, 'above 0, or "unknown"')
        sizes_fit = all(map(is_size, self.keypoint_size_px))
        needed = 'WIDTHxHEIGHT or CAMERA=WIDTHxHEIGHT, such as ["1920x1080", "cam02=1080x1920"]'
        require(self, "keypoint_size_px", sizes_fit, needed)


def run(context: Context) -> Metrics:
    """Write `timeline.npz` and `<camera>/000000.jpg` onwards, or `<camera>/keypoints.npz`.

    Raises:
        InputError: footage that cannot serve, or not enough disk.
    """
    from gentri.keypoints.sources import is_keypoints
    from gentri.media.sources import safe_name

    for name in context.session.sources:
        if safe_name(name) != name:
            raise InputError(
                f"{name!r} cannot name a camera: letters, digits, '-' and '_' are needed",
                f"rename it, for example to {safe_name(name)!r}",
            )
    kinds = {name: is_keypoints(path) for name, path in context.session.sources.items()}
    keypoint_files.refuse_mixed(kinds)
    return keypoint_files.write_frames(context) if any(kinds.values()) else _run_videos(context)


def _run_videos(context: Context) -> Metrics:
    from gentri.media import checks, store

    say = context.progress.say
    workers = context.runtime.threads
    extractions = [
        _plan(name, path, context.params) for name, path in context.session.sources.items()
    ]
    for extraction in extractions:
        say(checks.describe(extraction.camera, extraction.clip))
        checks.check_range(extraction)
    warnings = [warning for e in extractions for warning in checks.check_promise(e)]
    warnings += checks.check_overlap({e.camera: _planned_s(e) for e in extractions})
    for warning in warnings:
        say(warning)
    _require_space(context, extractions, workers)
    _extract(context, extractions, workers)

    time_s: dict[str, FloatArray] = {}
    for extraction in extractions:
        name = extraction.camera
        stamps = store.assemble(extraction, context.parts, context.out / name)
        time_s[name] = extraction.clip.seconds(stamps)
        for warning in checks.check_decoded(extraction, len(stamps)):
            say(warning)
            warnings.append(warning)
    _write_timeline(context.out / "timeline.npz", extractions, time_s)
    _write_lenses(context.out / "lenses.toml", extractions)
    cameras = {e.camera: _camera_metrics(e, time_s[e.camera], context.out) for e in extractions}
    return {"cameras": cameras, "warnings": warnings}


def _plan(name: str, path: Path, params: FramesParams) -> "Extraction":
    from gentri.media.clip import Picture, fit
    from gentri.media.extract import Extraction
    from gentri.media.images import probe_images
    from gentri.media.probe import probe_video
    from gentri.media.sampling import Sampling, plan_chunks

    image_fps = None if params.image_fps == "unknown" else params.image_fps
    clip = probe_images(path, image_fps) if path.is_dir() else probe_video(path)
    sampling = Sampling(
        None if params.fps == "source" else params.fps,
        params.start_s,
        None if params.end_s == "end" else params.end_s,
    )
    max_side_px = None if params.max_side_px == "source" else params.max_side_px
    picture = Picture(fit(clip.size_px, max_side_px), params.jpeg_quality)
    return Extraction(name, clip, sampling, picture, plan_chunks(clip, sampling))


def _planned_s(extraction: "Extraction") -> FloatArray:
    stamps = np.concatenate([chunk.pts for chunk in extraction.chunks])
    return extraction.clip.seconds(stamps)


def _require_space(context: Context, extractions: "list[Extraction]", workers: int) -> None:
    from gentri.media import disk

    remaining = [_remaining(context.parts, e) for e in extractions]
    if any(remaining):
        sizes = disk.bytes_per_frame(extractions, context.parts, workers)
        needed = sum(n * size for n, size in zip(remaining, sizes, strict=True))
        context.progress.say(disk.require_space(context.out, needed))


def _remaining(parts: Path, extraction: "Extraction") -> int:
    from gentri.media.store import is_finished

    return sum(
        len(c.pts) for c in extraction.chunks if not is_finished(parts, extraction.camera, c)
    )


def _extract(context: Context, extractions: "list[Extraction]", workers: int) -> None:
    from gentri.media.store import extract_all

    total = sum(e.frames for e in extractions)
    done = total - sum(_remaining(context.parts, e) for e in extractions)

    def on_frames(count: int) -> None:
        nonlocal done
        done += count
        context.progress.advance(done, total, "frames")

    context.progress.advance(done, total, "frames")
    extract_all(extractions, context.parts, workers, on_frames)


def _write_timeline(
    path: Path, extractions: "list[Extraction]", time_s: Mapping[str, FloatArray]
) -> None:
    sizes = np.array([e.clip.size_px for e in extractions], dtype=np.int32)
    with atomic_write(path) as temporary:
        Timeline(tuple(time_s), tuple(time_s.values()), sizes).save(temporary)


def _write_lenses(path: Path, extractions: "list[Extraction]") -> None:
    """Write the lenses that the metadata tell; no file where they tell none."""
    from gentri.media.lens_metadata import intrinsics_from_tags
    from gentri.rigs import lens_tables

    found = {e.camera: intrinsics_from_tags(e.clip.tags, e.clip.size_px) for e in extractions}
    lenses = {name: lens for name, lens in found.items() if lens is not None}
    if lenses:
        lens_tables.write(lenses, path)


def _camera_metrics(extraction: "Extraction", time_s: FloatArray, out: Path) -> dict[str, Any]:
    from gentri.media.checks import lens_tags
    from gentri.media.clip import mean_fps

    clip = extraction.clip
    fps = mean_fps(time_s)
    return {
        "frames": len(time_s),
        "frames_listed": extraction.frames,
        "seconds": float(time_s[-1] - time_s[0]),
        "fps": fps if np.isfinite(fps) else None,
        "source_fps": clip.fps if np.isfinite(clip.fps) else None,
        "size_px": list(clip.size_px),
        "stored_size_px": list(extraction.picture.size_px),
        "rotation_deg": clip.rotation_deg,
        "codec": clip.codec,
        "container": clip.container,
        "audio_start_s": clip.audio_start_s,
        "lens": lens_tags(clip.tags),
        "bytes": sum(f.stat().st_size for f in (out / extraction.camera).iterdir()),
    }


def _digests(session: "Session", _params: FramesParams) -> dict[str, str]:
    from gentri.keypoints.sources import list_source_files

    # Cameras may share a folder of keypoints.
    read = {p: session.digest(p, list_source_files) for p in set(session.sources.values())}
    return {name: read[path] for name, path in session.sources.items()}


def _check(session: "Session", params: FramesParams, _runtime: Runtime) -> None:
    """Refuse a camera that is there twice: it would agree with itself."""
    read = _digests(session, params)
    first: dict[str, str] = {}
    for name, path in session.sources.items():
        twin = first.setdefault(read[name], name)
        if session.sources[twin] != path:
            raise InputError(
                f"{twin} and {name} are one and the same recording: {session.sources[twin]} and "
                f"{path}",
                "give every camera its own recording; a copy in place of one shows nothing new",
            )


STAGE = Stage(
    name="frames",
    version=4,
    needs=(),
    params=FramesParams,
    run=run,
    external=_digests,
    check=_check,
)
