"""What one camera recorded, as its container or its folder of pictures describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Clip:
    """A video stream or a folder of pictures.

    Attributes:
        path: absolute path of the video or the folder.
        images: pictures of a folder in their order; empty for a video.
        container, codec: names as ffmpeg gives them; "folder" and the suffix for pictures.
        stream: index of the video stream in its container.
        size_px: width and height, upright and with square pixels.
        rotation_deg: rotation tag, degrees; already contained in `size_px`.
        time_base: seconds per tick of the time stamps.
        start: time zero, seconds on the container's clock: the first frame.
        pts: (N,) int64, presentation time stamps in display order, ticks.
        keyframes: (K,) int64, stamps at which decoding can begin.
        stamped: every frame has a display time of its own in the container. Where not (elementary
            streams, H.264 with B-frames in AVI), ffmpeg makes the stamps up while it decodes.
        promised_s: end of the playing time that the container's header states; 0 where none.
        found_s: end of the audio and video data that is really there.
        audio_start_s: seconds from the first frame to the beginning of the sound; None without.
        tags: the container's and the stream's metadata, such as maker, model and focal length.
    """

    path: Path
    images: tuple[Path, ...]
    container: str
    codec: str
    stream: int
    size_px: Size
    rotation_deg: int
    time_base: Fraction
    start: Fraction
    pts: NDArray[np.int64]
    keyframes: NDArray[np.int64]
    stamped: bool
    promised_s: float
    found_s: float
    audio_start_s: float | None
    tags: Mapping[str, str]

    @property
    def time_s(self) -> FloatArray:
        """Seconds (N,) float64 since the first frame."""
        return self.seconds(self.pts)

    @property
    def fps(self) -> float:
        """Mean frames per second; NaN for fewer than two frames."""
        return mean_fps(self.time_s)

    def seconds(self, pts: NDArray[np.int64]) -> FloatArray:
        """Seconds since the first frame of time stamps in ticks."""
        exact_origin = self.start / self.time_base
        ticks = pts * exact_origin.denominator - exact_origin.numerator
        unit = self.time_base / exact_origin.denominator
        return ticks.astype(np.float64) * unit.numerator / unit.denominator


def mean_fps(time_s: FloatArray) -> float:
    """Frames per second of time stamps (N,) in order; NaN for fewer than two."""
    if len(time_s) < 2 or time_s[-1] <= time_s[0]:
        return float("nan")
    return float((len(time_s) - 1) / (time_s[-1] - time_s[0]))


@dataclass(frozen=True)
class Picture:
    """How a frame is stored.

    Attributes:
        size_px: width and height of the JPEG.
        jpeg_quality: 1–100, the scale of libjpeg.
    """

    size_px: Size
    jpeg_quality: int


def fit(size_px: Size, max_side_px: int | None) -> Size:
    """Width and height with the longer side at most `max_side_px`; never enlarged."""
    if max_side_px is None or max(size_px) <= max_side_px:
        return size_px
    scale = max_side_px / max(size_px)
    width, height = (max(1, round(side * scale)) for side in size_px)
    return width, height
