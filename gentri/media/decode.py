"""The ffmpeg command that turns part of a video into JPEG files named by their time stamps."""

import subprocess
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event
from typing import Any

import ffmpeg
import numpy as np

from gentri.errors import InputError
from gentri.media.clip import Clip, Picture
from gentri.media.ffmpeg import (
    FfmpegFailedError,
    ffmpeg_executable,
    has_option,
    running_ffmpeg,
)
from gentri.media.sampling import Chunk, Sampling

_POLL_S = 0.2
# Broken streams repeat stamps; a frame of its own gets a stamp of its own.
_INCREASING = "if(isnan(PREV_OUTPTS),PTS,max(PTS,PREV_OUTPTS+1))"


def decode(
    clip: Clip,
    sampling: Sampling,
    picture: Picture,
    chunk: Chunk,
    seek: int | None,
    folder: Path,
    threads: int,
    stop: Event,
) -> None:
    """Write the frames of a chunk as `<pts>.jpg`, upright, neither repeated nor dropped.

    Where `sampling` has a frame rate, frames that are far from all ticks are left out.

    Args:
        clip: a video.
        sampling: which frames are wanted.
        picture: size and quality of the JPEG files.
        chunk: which part of the clip.
        seek: stamp to begin decoding at; None for the beginning.
        folder: empty folder.
        threads: of the decoder.
        stop: set by another thread to give up.

    Raises:
        InputError: ffmpeg failed.
        CancelledError: `stop` was set.
    """
    jump: dict[str, Any] = {}
    if seek is not None:
        # Half a tick later than the key frame: rounding must not end before it.
        jump = {"ss": f"{float((2 * seek + 1) * clip.time_base / 2):.7f}"}
    source = ffmpeg.input(
        str(clip.path),
        threads=threads,
        fflags="+discardcorrupt",
        copyts=None,
        seek_timestamp=1,
        noaccurate_seek=None,
        **jump,
    )
    frames = _wanted(source[str(clip.stream)], clip, sampling, chunk)
    executable = ffmpeg_executable()
    width, height = picture.size_px
    # JPEG is full-range BT.601 by definition (JFIF 1.02), whatever the video is.
    frames = frames.filter("scale", width, height, out_range="pc", out_color_matrix="bt601")
    output = frames.filter("format", "yuvj420p").output(
        "%d.jpg",
        format="image2",
        frame_pts=1,
        enc_time_base=f"{clip.time_base.numerator}:{clip.time_base.denominator}",
        qmin=1,
        threads=1,
        flags="+bitexact",
        **{"q:v": _qscale(picture.jpeg_quality)},
        **_passthrough(executable),
    )
    output = output.global_args("-nostdin", "-loglevel", "error", "-max_error_rate", "1")
    try:
        with running_ffmpeg(output.compile(cmd=executable), folder) as process:
            _wait(process, stop)
    except FfmpegFailedError as failure:
        raise _explained(clip.path, failure, executable) from failure


def _wanted(frames: Any, clip: Clip, sampling: Sampling, chunk: Chunk) -> Any:
    bounds = {"start_pts": chunk.begin, "end_pts": chunk.end}
    bounds = {name: pts for name, pts in bounds.items() if pts is not None}
    if bounds:
        frames = frames.filter("trim", **bounds)
    frames = frames.filter("setpts", _INCREASING)
    if sampling.fps is not None and clip.stamped:
        frames = frames.filter("select", _near_tick(clip, chunk, sampling.fps))
    return frames


def _near_tick(clip: Clip, chunk: Chunk, fps: float) -> str:
    """Expression that is true for all frames nearest to a tick, and for few others.

    A tick's nearest frame is at most half the largest gap between frames away from it. Which of
    them is kept is decided by `Sampling.keep`; this only saves encoding the others.
    """
    first = 0 if chunk.begin is None else max(0, np.searchsorted(clip.pts, chunk.begin) - 1)
    last = None if chunk.end is None else np.searchsorted(clip.pts, chunk.end) + 1
    gap_s = np.diff(clip.seconds(clip.pts[first:last])).max(initial=0.0)
    period_s, half_s = 1 / fps, 0.5 / fps
    # 100 periods keep the argument of mod positive for frames before the first listed one.
    since = f"t-({float(clip.start)!r})+{half_s + 100 * period_s!r}"
    return f"lte(abs(mod({since},{period_s!r})-{half_s!r}),{float(gap_s) / 2 + 1e-4!r})"


def _qscale(jpeg_quality: int) -> int:
    """Quantiser 1–31 of ffmpeg whose files are as large as libjpeg's at this quality.

    libjpeg scales its tables by s = 5000/q or 200 − 2q percent (jcparam.c); ffmpeg's flatter
    MPEG table gives equal bytes at about s/15 (measured on filmed persons at quality 70–90).
    """
    percent = 5000 / jpeg_quality if jpeg_quality < 50 else 200 - 2 * jpeg_quality
    return min(31, max(1, round(percent / 15)))


def _passthrough(executable: str) -> dict[str, str]:
    """The option that neither repeats nor drops frames; its name changed in ffmpeg 5.1."""
    new = has_option(executable, "-fps_mode")
    return {"fps_mode": "passthrough"} if new else {"vsync": "0"}


def _wait(process: "subprocess.Popen[bytes]", stop: Event) -> None:
    while True:
        try:
            process.wait(_POLL_S)
            return
        except subprocess.TimeoutExpired:
            if stop.is_set():
                raise CancelledError from None


def _explained(video: Path, failure: FfmpegFailedError, executable: str) -> InputError:
    if "No space left" in failure.words:
        return InputError(
            f"the session's disk became full while frames of {video.name} were written",
            "free space and run again: finished chunks are kept",
        )
    if failure.code < 0:
        return InputError(
            f"ffmpeg crashed (signal {-failure.code}) while it read {video}",
            f"install a newer ffmpeg than {executable}, or convert the video to MP4",
        )
    return InputError(
        f"ffmpeg could not extract frames from {video}: {failure.last_line}",
        "play the file; copy it from the camera again, or convert it with ffmpeg to H.264",
    )
