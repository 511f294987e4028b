"""One camera's video with what was detected and what was reconstructed drawn into it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from gentri.errors import SessionError
from gentri.media.encode import write_mp4
from gentri.media.footer import Footer, LegendEntry, make_footer, smallest_width
from gentri.media.painter import BYSTANDER, DETECTED, RECONSTRUCTED, CameraView, Image, Painter
from gentri.pipeline.atomic import atomic_write


def write_overlay(
    view: CameraView,
    frames: Path,
    path: Path,
    rate_hz: float,
    max_side_px: int,
    on_frame: Callable[[], None],
) -> None:
    """Write the overlay video of one camera, frame by frame; memory does not grow with length.

    Args:
        view: at least one frame.
        frames: folder of `000000.jpg` onwards, upright, of any size.
        path: the mp4, whole or absent.
        rate_hz: frames per second.
        max_side_px: longer side of the picture; smaller frames are not enlarged.
        on_frame: called after each frame.

    Raises:
        SessionError: a frame is missing or unreadable, or the video cannot be written.
    """
    height, width = _read(frames / "000000.jpg", cv2.IMREAD_COLOR).shape[:2]
    scale = min(1.0, max_side_px / max(width, height))
    picture_px = _even(width * scale), _even(height * scale)
    thin = max(1, round(max(picture_px) / 480))
    footer = _footer(view, picture_px[0], thin)
    flag = _reading_flag(min(width / picture_px[0], height / picture_px[1]))
    painter = Painter(view, picture_px, thin)

    def images() -> Iterator[Image]:
        for t in range(len(view.time_s)):
            image = _resized(_read(frames / f"{t:06d}.jpg", flag), picture_px)
            painter.paint(image, t)
            yield _framed(image, footer.with_status(_status(view, t)))
            on_frame()

    size_px = footer.image.shape[1], picture_px[1] + footer.image.shape[0]
    with atomic_write(path) as temporary:
        write_mp4(temporary, images(), size_px, rate_hz)


def _footer(view: CameraView, picture_width: int, thin: int) -> Footer:
    widest = _status_text(len(view.time_s), float(np.max(view.time_s)), 1000.0)
    legend = (
        LegendEntry("detected", DETECTED[:2], thin),
        LegendEntry("3D left", RECONSTRUCTED[:1], 3 * thin),
        LegendEntry("3D right", RECONSTRUCTED[1:2], 3 * thin),
        LegendEntry("others", (BYSTANDER,), thin),
    )
    return make_footer(view.name, widest, legend, max(picture_width, smallest_width(widest)))


def _status(view: CameraView, t: int) -> str:
    return _status_text(t, float(view.time_s[t]), float(view.distance_px[t]))


def _status_text(frame: int, time_s: float, distance_px: float) -> str:
    apart = f"{distance_px:.1f} px" if np.isfinite(distance_px) else "–"
    return f"frame {frame}   {time_s:.3f} s   2D to 3D {apart}"


def _framed(picture: Image, strip: Image) -> Image:
    """The picture, centred, above its strip."""
    spare = strip.shape[1] - picture.shape[1]
    left, right = spare // 2, spare - spare // 2
    return np.vstack([np.pad(picture, ((0, 0), (left, right), (0, 0))), strip])


def _read(path: Path, flag: int) -> Image:
    # imread cannot open names outside the code page on Windows
    image = cv2.imdecode(np.fromfile(path, np.uint8), flag) if path.exists() else None
    if image is None:
        raise SessionError(
            f"the frame {path.parent.name}/{path.name} is missing or cannot be read",
            "make the frames again: gentri frames --force",
        )
    return np.asarray(image, dtype=np.uint8)


def _resized(image: Image, size_px: tuple[int, int]) -> Image:
    if image.shape[1::-1] == size_px:
        return image
    return np.asarray(cv2.resize(image, size_px, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _reading_flag(reduction: float) -> int:
    """Let the JPEG decoder halve the picture where it will be made that small anyway."""
    flags = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4}
    flags |= {2: cv2.IMREAD_REDUCED_COLOR_2, 1: cv2.IMREAD_COLOR}
    return next(flag for factor, flag in flags.items() if reduction >= factor or factor == 1)


def _even(length: float) -> int:
    """Nearest even number, at least 2: 4:2:0 video has no odd sizes."""
    return max(2, 2 * round(length / 2))
