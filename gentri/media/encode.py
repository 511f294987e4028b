"""Pictures to an H.264 file that browsers and phones play."""

import subprocess
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import ffmpeg

from gentri.errors import SessionError
from gentri.media.ffmpeg import FfmpegFailedError, ffmpeg_executable, running_ffmpeg
from gentri.media.painter import Image

# Largest denominator of a frame rate: holds 30000/1001 and 60000/1001 exactly.
_RATE_DENOMINATOR = 1001

_H264 = {
    "format": "mp4",
    "vcodec": "libx264",
    "preset": "veryfast",
    "crf": 23,
    "pix_fmt": "yuv420p",
    # OpenCV's conversion is BT.601 with 16–235; untagged, players guess by size and shift colours.
    "color_range": "tv",
    "colorspace": "smpte170m",
    "color_primaries": "smpte170m",
    "color_trc": "smpte170m",
    "movflags": "+faststart",
    # The bytes of x264 depend on the number of threads; cameras are encoded side by side instead.
    "threads": 1,
    "fflags": "+bitexact",
    "flags:v": "+bitexact",
}


def write_mp4(
    path: Path, images: Iterable[Image], size_px: tuple[int, int], rate_hz: float
) -> None:
    """Encode images as they come; equal images give equal bytes.

    Args:
        path: the file; not renamed into place here.
        images: at least one (H, W, 3) uint8 BGR.
        size_px: W and H, both even.
        rate_hz: frames per second.

    Raises:
        SessionError: ffmpeg could not write the file.
    """
    width, height = size_px
    rate = Fraction(rate_hz).limit_denominator(_RATE_DENOMINATOR)
    source = ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt="yuv420p", s=f"{width}x{height}", framerate=str(rate)
    )
    output = source.output(str(path.absolute()), **_H264).overwrite_output()
    command = output.global_args("-loglevel", "error").compile(cmd=ffmpeg_executable())
    try:
        with running_ffmpeg(command, stdin=subprocess.PIPE) as process:
            _feed(process, images)
            process.wait()
    except FfmpegFailedError as failure:
        raise SessionError(
            f"an overlay video could not be written: {failure.last_line}",
            "check the free space of the session's disk, or set export.overlay = false",
        ) from failure


def _feed(process: "subprocess.Popen[bytes]", images: Iterable[Image]) -> None:
    assert process.stdin is not None
    try:
        for image in images:
            process.stdin.write(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).data)
        process.stdin.close()
    except BrokenPipeError:
        pass  # ffmpeg has given up, and says why
