"""The ffmpeg command that turns part of a video into JPEG files named by their time stamps."""

import functools
import subprocess
import tempfile
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event
from typing import Any

import ffmpeg
import numpy as np

from gentri.errors import InputError
from gentri.media.clip import Clip, Picture
from gentri.media.ffmpeg import ffmpeg_executable
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
        **_passthrough(),
    )
    output = output.global_args("-nostdin", "-loglevel", "error", "-max_error_rate", "1")
    _run(output.compile(cmd=ffmpeg_executable()), folder, clip.path, stop)


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
    # 100 periods keep the argument of mod positive for frames before the container's start.
    since = f"t-({float(clip.start)!r})+{half_s + 100 * period_s!r}"
    return f"lte(abs(mod({since},{period_s!r})-{half_s!r}),{float(gap_s) / 2 + 1e-4!r})"


def _qscale(jpeg_quality: int) -> int:
    """Quantiser 1–31 of ffmpeg whose files are as large as libjpeg's at this quality.

    libjpeg scales its tables by s = 5000/q or 200 − 2q percent (jcparam.c); ffmpeg's flatter
    MPEG table gives equal bytes at about s/15 (measured on filmed persons at quality 70–90).
    """
    percent = 5000 / jpeg_quality if jpeg_quality < 50 else 200 - 2 * jpeg_quality
    return min(31, max(1, round(percent / 15)))


@functools.cache
def _passthrough() -> dict[str, str]:
    """The option that neither repeats nor drops frames; its name changed in ffmpeg 5.1."""
    asked = [ffmpeg_executable(), "-hide_banner", "-h", "long"]
    words = subprocess.run(asked, capture_output=True, check=False).stdout
    return {"fps_mode": "passthrough"} if b"-fps_mode" in words else {"vsync": "0"}


def _run(command: list[str], folder: Path, video: Path, stop: Event) -> None:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for gentri, which then ends ffmpeg
        )
        try:
            code = _wait(process, stop)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if code != 0:
            log.seek(0)
            raise _failure(video, log.read().decode(errors="replace"), code)


def _wait(process: "subprocess.Popen[bytes]", stop: Event) -> int:
    while True:
        try:
            return process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            if stop.is_set():
                raise CancelledError from None


def _failure(video: Path, words: str, code: int) -> InputError:
    if "No space left" in words:
        return InputError(
            f"the session's disk became full while frames of {video.name} were written",
            "free space and run again: finished chunks are kept",
        )
    if code < 0:
        return InputError(
            f"ffmpeg crashed (signal {-code}) while it read {video}",
            f"install a newer ffmpeg than {ffmpeg_executable()}, or convert the video to MP4",
        )
    last = words.strip().splitlines()[-1] if words.strip() else f"exit code {code}"
    return InputError(
        f"ffmpeg could not extract frames from {video}: {last}",
        "play the file; copy it from the camera again, or convert it with ffmpeg to H.264",
    )
