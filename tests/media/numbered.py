"""Small videos whose every frame tells its number and which side is up."""

import subprocess
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from gentri.media.ffmpeg import ffmpeg_executable

BITS = 10
DARK, BRIGHT = 40, 210


def draw(number: int, size_px: tuple[int, int] = (80, 48)) -> NDArray[np.uint8]:
    """An RGB image: bars for the bits above, and below a red left and a blue right half."""
    width, height = size_px
    image = np.full((height, width, 3), DARK, dtype=np.uint8)
    edges = np.linspace(0, width, BITS + 1).round().astype(int)
    for bit in range(BITS):
        if number >> bit & 1:
            image[: 3 * height // 4, edges[bit] : edges[bit + 1]] = BRIGHT
    image[3 * height // 4 :, : width // 2] = (BRIGHT, DARK, DARK)
    image[3 * height // 4 :, width // 2 :] = (DARK, DARK, BRIGHT)
    return image


def read(path: Path) -> int:
    """The number of a stored frame; fails where it is not upright or mirrored."""
    image = cv2.imread(str(path)).astype(int)
    height, width = image.shape[:2]
    below = image[7 * height // 8]
    left, right = below[: width // 2 - 4].mean(axis=0), below[width // 2 + 4 :].mean(axis=0)
    assert left[2] > left[0] + 50 and right[0] > right[2] + 50, f"{path} is not upright"
    edges = np.linspace(0, width, BITS + 1)
    centers = ((edges[1:] + edges[:-1]) / 2).astype(int)
    bars = image[height // 8 : height // 2, centers].mean(axis=(0, 2))
    return int(((bars > (DARK + BRIGHT) / 2) << np.arange(BITS)).sum())


def numbers(folder: Path) -> list[int]:
    """The numbers of all frames; fails where names have holes."""
    paths = sorted(folder.iterdir())
    assert [p.name for p in paths] == [f"{i:06d}.jpg" for i in range(len(paths))]
    return [read(path) for path in paths]


def record(
    path: Path,
    frames: int | Sequence[int] = 50,
    codec: str = "libx264",
    *,
    fps: int = 25,
    size_px: tuple[int, int] = (80, 48),
    pts: Iterable[int] | None = None,
    time_base: Fraction | None = None,
    rotation_deg: int = 0,
    audio: bool = False,
    options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write frames 0, 1, … (or the given numbers); `pts` in ticks of `time_base`."""
    shown = range(frames) if isinstance(frames, int) else frames
    ticks = range(len(shown)) if pts is None else list(pts)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options={"g": "10"} | (options or {}))
        stream.width, stream.height = size_px if rotation_deg % 180 == 0 else size_px[::-1]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = time_base or Fraction(1, fps)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        sound = container.add_stream("aac", rate=44100) if audio else None
        for number, tick in zip(shown, ticks, strict=True):
            # A player turns by `rotation_deg` against the clock; what is stored is turned back.
            image = np.rot90(draw(number, size_px), -rotation_deg // 90)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = tick, time_base or Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _mux_silence(container, sound, len(shown) / fps)
    return path


def _mux_silence(container, sound, seconds: float) -> None:
    for block in range(int(seconds * 44100 / 1024)):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), dtype=np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = 44100, block * 1024, Fraction(1, 44100)
        container.mux(sound.encode(frame))
    container.mux(sound.encode(None))


def copy_streams(source: Path, target: Path, *options: str) -> Path:
    """Remux without encoding; options such as `-ss 0.5` before the input leave an edit list."""
    command = [ffmpeg_executable(), "-loglevel", "error", "-y", *options]
    subprocess.run([*command, "-i", source, "-c", "copy", target], check=True)
    return target
