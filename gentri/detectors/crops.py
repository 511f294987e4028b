"""From a frame to a network's input and back, exact to a fraction of a pixel.

Integer coordinates are pixel centres everywhere: resizing by s maps x to (x + 0.5)·s − 0.5.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.errors import InputError

Image = NDArray[np.uint8]  # (H, W, 3) BGR
_JPEG_END = b"\xff\xd9"


def read_image(path: Path) -> Image:
    """A frame as BGR bytes (H, W, 3).

    Raises:
        InputError: it is absent or damaged.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError:
        data = np.empty(0, dtype=np.uint8)
    # OpenCV gives the rest of a truncated JPEG in grey, and no error.
    whole = data[-2:].tobytes() == _JPEG_END
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if whole else None
    if image is None:
        raise InputError(
            f"the frame {path} is absent or damaged", "extract again: `gentri frames --force`"
        )
    return np.asarray(image, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Region:
    """A rectangle of a frame that becomes a network's input, in MMPose's terms.

    Input pixel u shows frame pixel center + (u / input_size − 0.5) · scale.

    Attributes:
        center: (2,) float, frame pixels.
        scale: (2,) float, width and height in frame pixels.
        input_size: (2,) int, width and height of the input.
    """

    center: FloatArray
    scale: FloatArray
    input_size: tuple[int, int]

    def metainfo(self) -> dict[str, object]:
        """What MMPose's estimators need to map their results back to the frame."""
        return {
            "input_center": self.center,
            "input_scale": self.scale,
            "input_size": np.array(self.input_size),
        }


def person_region(box: FloatArray, input_size: tuple[int, int], padding: float) -> Region:
    """The region around a box (4,) x0 y0 x1 y1, widened to the input's shape and by `padding`."""
    aspect = input_size[0] / input_size[1]
    width, height = np.maximum(box[2:] - box[:2], 1.0)
    width, height = max(width, height * aspect), max(height, width / aspect)
    center = (box[:2] + box[2:]) / 2
    return Region(center, np.array([width, height]) * padding, input_size)


def cut(image: Image, region: Region) -> Image:
    """The region as an image of its input size; black outside the frame.

    Where a person fills many more pixels than the input has, the frame is first averaged over whole
    pixels: sampling alone would alias.
    """
    frame_px_per_input_px = region.scale / np.array(region.input_size)
    shrink = max(1, int(frame_px_per_input_px.min()))
    part, origin = _surroundings(image, region, shrink)
    if shrink > 1:
        size = (part.shape[1] // shrink, part.shape[0] // shrink)
        shrunk = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        part = np.asarray(shrunk, dtype=np.uint8)
    # input u → frame x = left + u · step → part (x − origin + 0.5) / shrink − 0.5
    left = region.center - region.scale / 2
    step = frame_px_per_input_px / shrink
    start = (left - origin + 0.5) / shrink - 0.5
    part_from_input = np.array([[step[0], 0.0, start[0]], [0.0, step[1], start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(part, part_from_input, region.input_size, flags=flags)
    return np.asarray(warped, dtype=np.uint8)


def _surroundings(image: Image, region: Region, shrink: int) -> tuple[Image, FloatArray]:
    """The part of a frame that a region touches, in blocks of `shrink` pixels, and its corner."""
    height, width = image.shape[:2]
    limit = np.array([width, height])
    low = np.floor((region.center - region.scale / 2) / shrink).astype(int) - 1
    high = np.ceil((region.center + region.scale / 2) / shrink).astype(int) + 2
    low = np.clip(low * shrink, 0, limit - 1)
    high = np.clip(high * shrink, low + 1, limit)
    part = image[low[1] : high[1], low[0] : high[0]]
    missing = -(high - low) % shrink  # a last partial block repeats its edge
    if missing.any():
        x, y = int(missing[0]), int(missing[1])
        padded = cv2.copyMakeBorder(part, 0, y, 0, x, cv2.BORDER_REPLICATE)
        part = np.asarray(padded, dtype=np.uint8)
    return part, low.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A whole frame scaled into a network's input, its top left corner kept.

    Attributes:
        image: the input, (h, w, 3).
        used: width and height of the part that shows the frame.
        scale: (2,) float, input pixels per frame pixel in x and y.
    """

    image: Image
    used: tuple[int, int]
    scale: FloatArray


def fit(image: Image, side: int, multiple: int, fill: int = 0) -> Fitted:
    """Scale the longer side of a frame to `side` and fill up to a multiple of `multiple`.

    Args:
        image: frame.
        side: pixels.
        multiple: the input's width and height are the next multiples of this.
        fill: grey value of the rest.
    """
    height, width = image.shape[:2]
    ratio = side / max(width, height)
    used = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    shrinks = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    canvas = np.full(
        (-(-used[1] // multiple) * multiple, -(-used[0] // multiple) * multiple, 3), fill, np.uint8
    )
    canvas[: used[1], : used[0]] = cv2.resize(image, used, interpolation=shrinks)
    return Fitted(canvas, used, np.array(used) / np.array([width, height]))
