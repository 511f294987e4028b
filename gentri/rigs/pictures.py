"""Camera names in files that list pictures: the picture's name, or its folder's."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gentri.errors import InputError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".exr"}
# What gentri calls the picture of a camera.
SUFFIX = ".jpg"


def camera_names(pictures: Sequence[str], path: Path) -> list[str]:
    """Names of the cameras that took these pictures, one each.

    Raises:
        InputError: a camera took several.
    """
    files = [PurePosixPath(name.replace("\\", "/")) for name in pictures]
    names = [f.stem if f.suffix.lower() in _SUFFIXES else f.name for f in files]
    if len(set(names)) < len(names):  # one folder per camera, pictures numbered alike
        names = [f.parent.name for f in files]
    if len(set(names)) < len(names):
        raise InputError(
            f"{path} lists several pictures of one camera; a rig has one pose per camera",
            "keep one picture per camera, named after it or in a folder named after it",
        )
    return names
