"""OpenCV's FileStorage, and the file of one camera that OpenCV's calibration samples write.

The samples write `image_width`, `image_height`, `camera_matrix` and `distortion_coefficients`,
without a name: the camera is named after the file.
"""

from pathlib import Path
from typing import Any

from gentri.data import FloatArray, Intrinsics
from gentri.errors import InputError
from gentri.rigs import values
from gentri.rigs.texts import read_text
from gentri.rigs.values import Source


def read_intrinsics(path: Path) -> Intrinsics:
    """The lens in a file of OpenCV's calibration samples.

    Raises:
        InputError: it is no such file, or holds what gentri's lens model does not cover.
    """
    source, storage = Source(path, path.stem), open_storage(path)
    if integer(storage, "fisheye_model"):
        raise source.refusal(
            "it is a fisheye lens, which gentri's lens model (k1 k2 p1 p2 k3) does not cover",
            "calibrate it without the fisheye model",
        )
    width, height = integer(storage, "image_width"), integer(storage, "image_height")
    if width is None or height is None:
        raise source.refusal(
            "the image size is missing", "add the lines image_width: … and image_height: …"
        )
    K = source.array(_needed(storage, "camera_matrix", source), "camera_matrix", (3, 3))
    dist = _needed(storage, "distortion_coefficients", source)
    dist = values.opencv_distortion(dist, source)
    return values.lens(source.size([width, height]), K, dist, source)


def is_calibration(path: Path) -> bool:
    """Whether a file of OpenCV's looks like that of its calibration samples."""
    return not open_storage(path).getNode("camera_matrix").empty()


def open_storage(path: Path) -> Any:
    """An OpenCV file, open for reading; whatever its path is made of.

    Raises:
        InputError: OpenCV cannot read it.
    """
    import cv2

    text = read_text(path)
    try:
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        opened = storage.isOpened()
    except (cv2.error, SystemError) as error:
        cause = error.__cause__ or error  # OpenCV's own words come wrapped
        raise _not_opencv(path, getattr(cause, "err", cause)) from error
    if not opened:
        raise _not_opencv(path, "it cannot be opened")
    return storage


def _not_opencv(path: Path, reason: object) -> InputError:
    return InputError(
        f"{path} is not a file of OpenCV: {str(reason).strip()}",
        "YAML has to begin with the line %YAML:1.0, as OpenCV and EasyMocap write it",
    )


def matrix(storage: Any, key: str, source: Source) -> FloatArray | None:
    """A matrix, or None where there is none of that name.

    Raises:
        InputError: its numbers are not as many as it says.
    """
    import cv2

    node = storage.getNode(key)
    try:
        return None if node.empty() else node.mat()
    except cv2.error as error:
        raise source.refusal(f"{key!r} is not a whole matrix", "export the file again") from error


def integer(storage: Any, key: str) -> int | None:
    """A whole number, or None where there is none of that name."""
    node = storage.getNode(key)
    return None if node.empty() else int(node.real())


def _needed(storage: Any, key: str, source: Source) -> FloatArray:
    found = matrix(storage, key, source)
    if found is None:
        raise source.refusal(f"{key!r} is missing", "give the file as OpenCV wrote it")
    return found
