"""Sessions made from keypoint files: what frames and detect do where there are no pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gentri.data import Detections, FloatArray, Timeline
from gentri.errors import InputError
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics

if TYPE_CHECKING:
    from gentri.keypoints.recording import Recording, StoredRecordings
    from gentri.keypoints.sizes import Spread
    from gentri.people.everyone import FramePeople
    from gentri.skeletons import Skeleton
    from gentri.stages.detect import DetectParams
    from gentri.stages.frames import FramesParams


def has_keypoints(frames: Path, timeline: Timeline) -> bool:
    """Whether a published frames folder holds keypoints in place of pictures."""
    return _place(frames, timeline.cameras[0]).exists()


def refuse_mixed(sources: dict[str, bool]) -> None:
    """Refuse a session of videos and keypoints.

    Args:
        sources: camera name → whether its source holds keypoints.

    Raises:
        InputError: some do, some do not.
    """
    files = [name for name, is_files in sources.items() if is_files]
    if files and len(files) < len(sources):
        videos = [name for name in sources if name not in files]
        raise InputError(
            f"{', '.join(files)} are keypoint files, {', '.join(videos)} are videos or pictures",
            "use one kind for all cameras: detect in the videos, or give keypoints of all",
        )


def write_frames(context: Context) -> Metrics:
    """Write `<camera>/keypoints.npz` (`Recording` of the wanted frames) and `timeline.npz`.

    Raises:
        InputError: files that cannot serve, or something about them that has to be said.
    """
    from gentri.keypoints.recognise import doubt_set, recognise
    from gentri.keypoints.sizes import doubt_sizes, sizes_of, spread_of
    from gentri.media import checks

    params: FramesParams = context.params
    say = context.progress.say
    recordings = _read_files(context)
    skeleton, reason = recognise(recordings, params.keypoint_skeleton)
    say(f"joints: {skeleton.name}, {reason}; --skeleton NAME sets another")
    sizes = sizes_of(recordings, params.keypoint_size_px)
    spreads: dict[str, Spread] = {}  # of cameras whose size somebody said
    warnings: list[str] = []
    time_s: dict[str, FloatArray] = {}
    numbers: dict[str, tuple[int, int]] = {}
    cameras: dict[str, Any] = {}
    for name, recording in recordings.items():
        if tuple(recording.size_px) != sizes[name]:
            spreads[name] = spread_of(recording.xy_px)
        if recording.said_of_scores:
            warnings.append(f"{name}: {recording.said_of_scores}")
        kept, time_s[name] = _wanted(name, recording, params, skeleton)
        numbers[name] = int(kept.number[0]), int(kept.number[-1])
        cameras[name] = _describe(name, kept, time_s[name], sizes[name])
        say(f"{name}: {cameras[name]['frames']} frames, people in {cameras[name]['with_people']}")
        _place(context.out, name).parent.mkdir(exist_ok=True)
        with atomic_write(_place(context.out, name)) as temporary:
            kept.save(temporary)
    _check_numbers(numbers)
    doubts = doubt_sizes(spreads, sizes)
    poor = [*filter(None, [doubt_set(recordings, skeleton)]), *(d.text for d in doubts if d.sure)]
    warnings += [*checks.check_overlap(time_s), *(d.text for d in doubts if not d.sure)]
    for warning in (*warnings, *poor):
        say(warning)
    with atomic_write(context.out / "timeline.npz") as temporary:
        size_px = np.array([sizes[name] for name in time_s], dtype=np.int32)
        Timeline(tuple(time_s), tuple(time_s.values()), size_px).save(temporary)
    told = {"skeleton": skeleton.name, "cameras": cameras, "warnings": warnings}
    return told | ({"poor": poor} if poor else {})


def read_people(context: Context, timeline: Timeline) -> Iterator[Detections]:
    """Everyone whom each camera's files name, with the files' identities where they tell any."""
    from gentri.keypoints.recording import Recording
    from gentri.people.everyone import everyone
    from gentri.skeletons import skeleton
    from gentri.ticks import gap_frames

    for i, camera in enumerate(timeline.cameras):
        recording = Recording.load(_place(context.inputs["frames"], camera))
        joints, times = skeleton(recording.skeleton), timeline.time_s[i]
        frames = [_chosen(*people, joints, context.params) for people in recording.frames()]
        slots = max((len(box) for _, _, box, _ in frames), default=0)
        gap = gap_frames(times, context.params.track_gap_s)
        width, height = (int(n) for n in timeline.size_px[i])
        yield everyone(frames, len(times), slots, (width, height), joints, gap)
        context.progress.advance(i + 1, len(timeline.cameras), "cameras")


def _place(frames: Path, camera: str) -> Path:
    return frames / camera / "keypoints.npz"


def _read_files(context: Context) -> "StoredRecordings":
    """Every camera's files as an npz among the parts; those that are there are not read again."""
    from gentri.keypoints.recording import StoredRecordings
    from gentri.keypoints.sources import read_recording

    sources = context.session.sources
    parts = {name: context.parts / f"{name}.npz" for name in sources}
    context.parts.mkdir(exist_ok=True)
    for done, (name, path) in enumerate(sources.items()):
        context.progress.advance(done, len(sources), "cameras")
        if not parts[name].exists():
            recording = read_recording(path, name)
            with atomic_write(parts[name]) as temporary:
                recording.save(temporary)
    context.progress.advance(len(sources), len(sources), "cameras")
    return StoredRecordings(parts)


def _wanted(
    name: str, recording: "Recording", params: "FramesParams", skeleton: "Skeleton"
) -> "tuple[Recording, FloatArray]":
    """The frames that the settings ask for, and when they were taken (T,)."""
    from dataclasses import replace

    from gentri.media.sampling import Sampling

    time_s = recording.time_s
    if not len(time_s):
        if params.image_fps == "unknown":
            raise InputError(
                f"the keypoint files of {name} do not tell their frame rate",
                "add it to the command, such as --fps 60",
            )
        time_s = recording.number / params.image_fps
    sampling = Sampling(
        None if params.fps == "source" else params.fps,
        params.start_s,
        None if params.end_s == "end" else params.end_s,
    )
    keep = sampling.keep(time_s)
    if not keep.any():
        raise InputError(
            f"{name} has no frame from frames.start_s to frames.end_s: its {len(time_s)} frames "
            f"are from {time_s[0]:.2f} s to {time_s[-1]:.2f} s",
            "change frames.start_s and frames.end_s to a range that all cameras have",
        )
    kept = recording.select(keep)
    return replace(kept, skeleton=skeleton.name, joints=skeleton.joints), time_s[keep]


def _check_numbers(numbers: dict[str, tuple[int, int]]) -> None:
    """Refuse cameras whose first and last frame numbers have nothing in common."""
    late = max(numbers, key=lambda name: numbers[name][0])
    early = min(numbers, key=lambda name: numbers[name][1])
    first, lowest = numbers[late][0], min(begin for begin, _ in numbers.values())
    if first <= numbers[early][1]:
        return
    spans = ", ".join(f"{name} {begin} to {end}" for name, (begin, end) in numbers.items())
    raise InputError(
        f"the cameras have no frame number in common: {spans}",
        "the number of a frame is a clock that all cameras share: frames taken together have to be "
        f"numbered alike. If all began together, take {first - lowest} off the numbers of {late} "
        "(in the names of its files, or frame_id), and so for every camera that does not begin at "
        f"{lowest}",
    )


def _describe(
    name: str, kept: "Recording", time_s: FloatArray, size_px: tuple[int, int]
) -> dict[str, Any]:
    from gentri.media.clip import mean_fps

    if not kept.count.any():
        raise InputError(
            f"nobody is in any of the {len(time_s)} frames of {name}",
            "leave this camera out, or change frames.start_s and frames.end_s",
        )
    fps = mean_fps(time_s)
    return {
        "frames": len(time_s),
        "with_people": int((kept.count > 0).sum()),
        "people_most": int(kept.count.max()),
        "seconds": float(time_s[-1] - time_s[0]),
        "fps": fps if np.isfinite(fps) else None,
        "first_frame": int(kept.number[0]),
        "size_px": list(size_px),
    }


def _chosen(
    xy: FloatArray,
    score: FloatArray,
    box: FloatArray,
    track: NDArray[np.int32],
    joints: "Skeleton",
    params: "DetectParams",
) -> "FramePeople":
    """The people of a frame who count, the most completely seen where there are too many."""
    from gentri.people.everyone import credible_people

    kept = credible_people(xy, score, box, joints, params.pose_score_min)
    best = np.argsort(-np.nansum(score[kept], axis=-1), kind="stable")[: params.people_max]
    kept = kept[np.sort(best)]
    known = track[kept] if (track >= 0).all() else None
    return xy[kept], score[kept], box[kept], known
