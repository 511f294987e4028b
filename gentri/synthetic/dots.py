"""Frames with one coloured dot per joint: small videos whose content is known exactly."""

import colorsys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D

BACKGROUND = 24  # grey level: not quite black, so that a decoded frame differs from no frame


def joint_colors(count: int) -> NDArray[np.uint8]:
    """Clearly different RGB colours (count, 3), evenly spaced in hue."""
    colors = [colorsys.hsv_to_rgb(i / count, 1.0, 1.0) for i in range(count)]
    return np.round(np.array(colors) * 255).astype(np.uint8)


def draw_dots(xy_px: FloatArray, size_px: tuple[int, int], radius_px: float) -> NDArray[np.uint8]:
    """One RGB image (H, W, 3) with a filled dot at each joint (J, 2) that is not NaN."""
    width, height = size_px
    image = np.full((height, width, 3), BACKGROUND, dtype=np.uint8)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    for (x, y), color in zip(xy_px, joint_colors(len(xy_px)), strict=True):
        if np.isfinite(x) and np.isfinite(y):
            image[(columns - x) ** 2 + (rows - y) ** 2 <= radius_px**2] = color
    return image


def dotted_video(
    keypoints: Keypoints2D, camera: int, radius_px: float = 4.0
) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) RGB that one camera of `keypoints` would have filmed."""
    width, height = (int(n) for n in keypoints.size_px[camera])
    for xy in keypoints.xy_px[camera]:
        yield draw_dots(xy, (width, height), radius_px)
