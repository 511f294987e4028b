"""What a video file holds: sizes, rotation, time stamps. Reads packets and decodes one frame."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition

from gentri.errors import InputError
from gentri.media.clip import Clip, Size
from gentri.media.quicktime import read_items

# Demuxers that take texts, single pictures or play lists for videos.
_NOT_VIDEO = {"tty", "image2", "bin", "xbin", "adf", "idf", "hls", "concat", "dash", "lavfi"}
# Containers that store decoding times alone: display times of streams with B-frames are guessed,
# and those of others, which FFmpeg guesses too, are the decoding times.
_WITHOUT_DISPLAY_TIMES = {"avi"}
_FALLBACK_FPS = 25  # what ffmpeg takes for elementary streams that state no rate
_PACKETS_UNTIL_A_FRAME = 600  # key frames are rarely more than 10 s apart


def probe_video(path: Path) -> Clip:
    """Read all packets of a video's best video stream.

    Raises:
        InputError: the file cannot be read, is not a video, or holds no frame.
    """
    path = path.absolute()
    _check_file(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _video_stream(path, container)
            scan = _scan(container, stream)
            size_px, rotation_deg = _upright_size(path, stream)
            return _clip(path, container, stream, scan, size_px, rotation_deg)
    except (FFmpegError, OSError) as error:
        raise _not_readable(path, error) from error


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}",
            "check the path, and that you may read the file",
        ) from error
    if empty:
        raise InputError(
            f"{path} is empty (0 bytes); a video is needed",
            "copy the file from the camera again, or leave this camera out",
        )


def _not_readable(path: Path, error: Exception) -> InputError:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"wide", b"mdat", b"free", b"skip"):
        return InputError(
            f"{path} is an MP4/MOV file without its index (moov): "
            "the recording or the copying was interrupted",
            "copy it from the camera again, or rebuild the index with a tool such as untrunc and "
            "another video of the same camera; or leave this camera out",
        )
    return InputError(
        f"{path} is not a video that ffmpeg can read ({error}); a video file is needed",
        "give a video file (mp4, mov, mkv, avi, webm, …) or a folder of pictures per camera",
    )


def _video_stream(path: Path, container: Any) -> Any:
    names = set(container.format.name.split(","))
    stream = container.streams.best("video")
    if names & _NOT_VIDEO or any(name.endswith("_pipe") for name in names):
        raise InputError(
            f"{path} is not a video: it reads as '{container.format.long_name or names}'",
            "give a video file, or a folder of pictures per camera",
        )
    if stream is None or stream.disposition & Disposition.attached_pic:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise InputError(
            f"{path} has no pictures: its streams are {kinds}; a video stream is needed",
            "give the video of this camera, or leave the camera out",
        )
    return stream


@dataclass
class _Scan:
    pts: list[int] = field(default_factory=list)
    keyframes: list[int] = field(default_factory=list)
    unstamped: int = 0
    end_s: float = float("-inf")


def _scan(container: Any, stream: Any) -> _Scan:
    """Collect the stamps of the frames that will be shown, up to the end or the first breakage."""
    scan = _Scan()
    tracks = [s for s in container.streams if s is stream or s.type == "audio"]
    rate = stream.guessed_rate or stream.average_rate or Fraction(_FALLBACK_FPS)
    decoding_times = _has_decoding_times_alone(container)
    try:
        for packet in container.demux(tracks):
            if packet.size == 0 or packet.is_corrupt:
                continue
            stamp = packet.dts if packet.pts is None or decoding_times else packet.pts
            if stamp is not None:
                end = (stamp + (packet.duration or 0)) * packet.stream.time_base
                scan.end_s = max(scan.end_s, float(end))
            if packet.stream is not stream or packet.is_discard:
                continue
            scan.unstamped += packet.pts is None
            guess = round(len(scan.pts) / (rate * stream.time_base))
            scan.pts.append(guess if stamp is None else stamp)
            if packet.is_keyframe:
                scan.keyframes.append(scan.pts[-1])
    except FFmpegError:
        pass  # broken off here; the playing time that is missing shows it
    return scan


def _has_decoding_times_alone(container: Any) -> bool:
    return not _WITHOUT_DISPLAY_TIMES.isdisjoint(container.format.name.split(","))


def _upright_size(path: Path, stream: Any) -> tuple[Size, int]:
    """Display size with square pixels and rotation tag, from the first frame that decodes."""
    frame = _first_frame(path, stream)
    width, height = frame.width, frame.height
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if aspect > 1:
        width = round(width * aspect)
    elif aspect > 0:
        height = round(height / aspect)
    rotation_deg = int(frame.rotation) % 360
    return ((height, width) if rotation_deg in (90, 270) else (width, height)), rotation_deg


def _first_frame(path: Path, stream: Any) -> Any:
    with av.open(str(path), metadata_errors="replace") as container:
        for count, packet in enumerate(container.demux(container.streams[stream.index])):
            try:
                for frame in packet.decode():
                    return frame
            except FFmpegError:
                pass  # a damaged beginning; the next key frame may decode
            if count > _PACKETS_UNTIL_A_FRAME:
                break
    raise InputError(
        f"{path} holds no frame that can be decoded (codec {stream.codec_context.name})",
        "play the file; copy it from the camera again, or convert it with ffmpeg to H.264",
    )


def _clip(
    path: Path, container: Any, stream: Any, scan: _Scan, size_px: Size, rotation_deg: int
) -> Clip:
    pts = np.unique(np.array(scan.pts, dtype=np.int64))
    guessed = _has_decoding_times_alone(container) and stream.codec_context.has_b_frames
    stamped = not scan.unstamped and len(pts) == len(scan.pts) and not guessed
    # Not the container's start: that is the sound's where there is one, and codecs let it begin
    # some milliseconds before the pictures or after them.
    start = int(pts[0]) * stream.time_base
    audio_start_s = _start_s(container.streams.audio, start)
    first_s = min(0.0, _start_s(container.streams.video, start) or 0.0, audio_start_s or 0.0)
    return Clip(
        path=path,
        images=(),
        container=container.format.name,
        codec=stream.codec_context.name,
        stream=stream.index,
        size_px=size_px,
        rotation_deg=rotation_deg,
        time_base=stream.time_base,
        start=start,
        pts=pts,
        keyframes=np.unique(np.array(scan.keyframes, dtype=np.int64)),
        stamped=stamped,
        promised_s=max(0.0, first_s + (container.duration or 0) / av.time_base),
        found_s=max(0.0, scan.end_s - float(start)),
        audio_start_s=audio_start_s,
        tags={**container.metadata, **stream.metadata, **read_items(path)},
    )


def _start_s(streams: Any, origin: Fraction) -> float | None:
    """When the first of these streams begins, seconds since the origin; None where none does."""
    starts = [s.start_time * s.time_base for s in streams if s.start_time is not None]
    return float(min(starts) - origin) if starts else None
