"""A folder of pictures as one camera's footage."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gentri.errors import InputError
from gentri.media.clip import Clip, Picture, Size
from gentri.media.files import IMAGE_SUFFIXES, list_images
from gentri.media.lens_metadata import exif_tags


def probe_images(folder: Path, fps: float | None) -> Clip:
    """Describe a folder of pictures that were taken at `fps` frames per second.

    Raises:
        InputError: no picture, no frame rate, or the first picture cannot be read.
    """
    folder = folder.absolute()
    images = list_images(folder)
    if not images:
        raise InputError(
            f"{folder} holds no pictures ({', '.join(sorted(IMAGE_SUFFIXES))})",
            "give a folder with the pictures of one camera, or a video file",
        )
    if fps is None:
        raise InputError(
            f"{folder} is a folder of {len(images)} pictures, and pictures do not tell their "
            "frame rate",
            "set it, for example --set frames.image_fps=30",
        )
    height, width = _read(images[0]).shape[:2]
    rate = Fraction(str(fps))  # 29.97 means 29.97, not the nearest binary number
    places = np.arange(len(images), dtype=np.int64)
    return Clip(
        path=folder,
        images=images,
        container="folder",
        codec=images[0].suffix.lower().lstrip("."),
        stream=0,
        size_px=(width, height),
        rotation_deg=0,
        time_base=1 / rate,
        start=Fraction(0),
        pts=places,
        keyframes=places,
        stamped=True,
        promised_s=float(len(images) / rate),
        found_s=float(len(images) / rate),
        audio_start_s=None,
        tags=exif_tags(images[0]),
    )


def store_image(path: Path, source_px: Size, picture: Picture, target: Path) -> None:
    """Store one picture as the JPEG of a frame.

    Raises:
        InputError: it cannot be read or is not `source_px` large.
    """
    image = _read(path)
    size = (image.shape[1], image.shape[0])
    if size != source_px:
        raise InputError(
            f"{path} is {size[0]}×{size[1]} px, but the folder's first picture is "
            f"{source_px[0]}×{source_px[1]} px; one camera needs pictures of one size",
            "take pictures of other sizes out of the folder, or give each size its own folder",
        )
    if picture.size_px != size:
        image = cv2.resize(image, picture.size_px, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, picture.jpeg_quality]
    target.write_bytes(cv2.imencode(".jpg", image, quality)[1].tobytes())


def _read(path: Path) -> NDArray[Any]:
    """Upright 8-bit BGR picture (H, W, 3); EXIF rotation applied."""
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}", "check that you may read the file"
        ) from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise InputError(
            f"{path} is not a picture that OpenCV can read ({len(data)} bytes)",
            "replace the picture or take it out of the folder",
        )
    return image
