"""Frames → the people in them: joints, boxes and in-view identities per camera."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from gentri.data import Detections, Timeline
from gentri.detectors.detector import Detector, ModelName, People, load_detector, model
from gentri.detectors.device import require_device
from gentri.detectors.parts import count_people, load_people, save_people
from gentri.errors import InputError, SessionError
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics, Runtime, Stage, require
from gentri.stages import keypoint_files
from gentri.ticks import gap_frames

if TYPE_CHECKING:
    from gentri.pipeline.session import Session

# Frames of one camera per chunk: what a killed run loses at most, a few seconds of work. A multiple
# of the batch sizes, so that batches and with them the numbers are the same for any such length.
CHUNK_FRAMES = 64


@dataclass(frozen=True)
class DetectParams:
    """Settings of the table [detect]."""

    model: ModelName
    box_score_min: float
    pose_score_min: float
    people_max: int
    track_gap_s: float

    def __post_init__(self) -> None:
        require(self, "box_score_min", 0 <= self.box_score_min <= 1, "0 to 1")
        require(self, "pose_score_min", 0 <= self.pose_score_min <= 1, "0 to 1")
        require(self, "people_max", self.people_max >= 1, "at least 1")
        require(self, "track_gap_s", self.track_gap_s >= 0, "at least 0")


@dataclass(frozen=True)
class Chunk:
    """A run of frames of one camera.

    Attributes:
        camera: name.
        start, stop: first frame, and the one after the last.
        size_px: width and height of the original video, which stored frames may fall short of.
    """

    camera: str
    start: int
    stop: int
    size_px: tuple[int, int]

    def __len__(self) -> int:
        return self.stop - self.start

    def frames(self, folder: Path) -> list[Path]:
        """Image files of the chunk."""
        return [folder / self.camera / f"{i:06d}.jpg" for i in range(self.start, self.stop)]

    def part(self, parts: Path) -> Path:
        """File of the finished chunk, named by its first and last frame."""
        return parts / f"{self.camera}.{self.start:06d}-{self.stop - 1:06d}.npz"


def run(context: Context) -> Metrics:
    """Write `<camera>.npz` (`gentri.data.Detections`) for every camera.

    Raises:
        InputError: a frame cannot be read, or a camera never sees a person.
        WeightsError: the model's weights are not there.
    """
    timeline = Timeline.load(context.inputs["frames"] / "timeline.npz")
    if keypoint_files.has_keypoints(context.inputs["frames"], timeline):
        finder, effort, found = "keypoint files", {}, keypoint_files.read_people(context, timeline)
    else:
        chunks = plan_chunks(timeline)
        pending = [c for c in chunks if not c.part(context.parts).exists()]
        effort = _detect(context, pending, chunks) if pending else {}
        finder, found = context.params.model, _assemble(chunks, context, timeline)
    cameras = {}
    for camera, seen in zip(timeline.cameras, found, strict=True):
        cameras[camera] = _describe(seen)
        with atomic_write(context.out / f"{camera}.npz") as temporary:
            seen.save(temporary)
    _require_people(cameras)
    return {"model": finder, "cameras": cameras, **effort}


def plan_chunks(timeline: Timeline) -> list[Chunk]:
    """All frames of all cameras, camera by camera."""
    return [
        Chunk(camera, start, min(start + CHUNK_FRAMES, len(times)), (int(size[0]), int(size[1])))
        for camera, times, size in zip(
            timeline.cameras, timeline.time_s, timeline.size_px, strict=True
        )
        for start in range(0, len(times), CHUNK_FRAMES)
    ]


def _detect(context: Context, pending: list[Chunk], chunks: list[Chunk]) -> dict[str, float]:
    """Run the networks on the chunks that are not there yet; how long it took."""
    started = time.perf_counter()
    detector = _load(context)
    loaded = time.perf_counter()
    total = sum(map(len, chunks))
    done = total - sum(map(len, pending))
    context.progress.advance(done, total, "frames")
    for chunk in pending:
        people = []
        for found in _detect_chunk(detector, chunk, context):
            people.append(found)
            done += 1
            context.progress.advance(done, total, "frames")
        save_people(chunk.part(context.parts), people)
    seconds = time.perf_counter() - loaded
    return {
        "frames": sum(map(len, pending)),
        "load_seconds": loaded - started,
        "seconds": seconds,
        "network_seconds": detector.network_seconds,
        "network_share": detector.network_seconds / seconds,
    }


def _load(context: Context) -> Detector:
    params, runtime = context.params, context.runtime
    context.progress.say(f"loading the detector {params.model}")
    return load_detector(
        params.model,
        runtime.device,
        box_score_min=params.box_score_min,
        people_max=params.people_max,
        batch_size=runtime.batch_size,
        workers=runtime.workers,
        locate=_fetched(params.model, context).__getitem__,
    )


def _fetched(name: str, context: Context) -> dict[str, Path]:
    """A model's weight files by name, downloaded where they are not on this machine."""
    from gentri.weights import store

    def progress(_name: str, done: int, total: int | None) -> None:
        if total:
            context.progress.advance(done // 10**6, total // 10**6, "MB")

    names = model(name).weights
    for absent in (n for n in names if not store.find(n).is_present):
        context.progress.say(f"fetching the weights {absent}")
    return dict(zip(names, store.fetch_all(names, progress), strict=True))


def weights_of(name: str) -> tuple[str, ...]:
    """Weight files of a detector, for `detect.model`; a name that is none stands for itself."""
    return model(name).weights if name in get_args(ModelName) else (name,)


def _detect_chunk(detector: Detector, chunk: Chunk, context: Context) -> Iterator[People]:
    """The credible, distinct people of each frame, in pixels of the original video."""
    from gentri.detectors.crops import read_image
    from gentri.people.everyone import credible_people

    frames = chunk.frames(context.inputs["frames"])
    height, width = read_image(frames[0]).shape[:2]
    original_per_stored = np.array(chunk.size_px) / np.array([width, height])
    for found in detector.detect(frames, read_image):
        people = (found.xy_px, found.score, found.box_px)
        kept = credible_people(*people, detector.skeleton, context.params.pose_score_min)
        yield found.select(kept).resized(original_per_stored)


def _assemble(chunks: list[Chunk], context: Context, timeline: Timeline) -> Iterator[Detections]:
    """Each camera's chunks as one array, with identities. Holds one chunk beside the result."""
    from gentri.people.everyone import everyone

    skeleton = model(context.params.model).skeleton
    for camera, times in zip(timeline.cameras, timeline.time_s, strict=True):
        own = [chunk for chunk in chunks if chunk.camera == camera]
        parts = [chunk.part(context.parts) for chunk in own]
        counts = [count_people(part) for part in parts]
        for chunk, part, count in zip(own, parts, counts, strict=True):
            if len(count) != len(chunk):
                raise SessionError(
                    f"the finished chunk {part} holds {len(count)} frames; {len(chunk)} are needed",
                    "detect again: gentri detect --force",
                )
        slots = max(int(count.max()) for count in counts)
        gap = gap_frames(times, context.params.track_gap_s)
        frames = ((*people, None) for people in load_people(parts))
        yield everyone(frames, len(times), slots, own[0].size_px, skeleton, gap)


def _describe(seen: Detections) -> dict[str, Any]:
    people = (seen.track >= 0).sum(1)
    return {
        "frames": len(people),
        "frames_with_people": int((people > 0).sum()),
        "people_per_frame": float(people.mean()),
        "people_most": int(people.max(initial=0)),
        "tracks": int(seen.track.max(initial=-1)) + 1,
        "mean_score": float(np.nanmean(seen.score)) if people.any() else None,
    }


def _require_people(cameras: dict[str, dict[str, Any]]) -> None:
    """Refuse footage in which a camera sees nobody."""
    empty = [name for name, seen in cameras.items() if not seen["frames_with_people"]]
    if not empty:
        return
    hint = (
        "check that the whole person is in view, upright and not tiny; lower detect.box_score_min, "
        "or choose a stronger detect.model"
    )
    if len(empty) == len(cameras):
        raise InputError("no person was found in any camera", hint)
    raise InputError(
        f"no person was found in any frame of: {', '.join(empty)}",
        f"leave these videos out, or {hint}",
    )


def _digests(_session: "Session", params: DetectParams) -> dict[str, str]:
    from gentri.weights import store

    return {name: store.find(name).sha256 for name in model(params.model).weights}


def _check(_session: "Session", _params: DetectParams, runtime: Runtime) -> None:
    require_device(runtime.device)


STAGE = Stage(
    name="detect",
    version=2,
    needs=("frames",),
    params=DetectParams,
    run=run,
    external=_digests,
    check=_check,
)
