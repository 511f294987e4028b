"""Pictures to an H.264 file that browsers and phones play."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import ffmpeg

from gentri.errors import SessionError
from gentri.media.ffmpeg import ffmpeg_executable
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
    process = (
        source.output(str(path.absolute()), **_H264)
        .global_args("-loglevel", "error")
        .overwrite_output()
        .run_async(cmd=ffmpeg_executable(), pipe_stdin=True, pipe_stderr=True)
    )
    try:
        for image in images:
            process.stdin.write(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).data)
    except BrokenPipeError:
        pass  # ffmpeg has given up; its own words follow below
    except BaseException:
        process.kill()
        process.communicate()
        raise
    _, words = process.communicate()
    if process.returncode != 0:
        cause = words.decode(errors="replace").strip() or f"ffmpeg ended with {process.returncode}"
        raise SessionError(
            f"an overlay video could not be written: {cause.splitlines()[-1]}",
            "check the free space of the session's disk, or set export.overlay = false",
        )
