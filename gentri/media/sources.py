"""From paths on a command line to one named source per camera."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from gentri.errors import InputError
from gentri.media.files import VIDEO_SUFFIXES, list_images, natural_key

_NAME_LENGTH = 60  # characters; with the longest UTF-8 still a valid file name of 255 bytes
# Windows refuses these as names of files and folders.
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(1, 10)}


def collect_sources(paths: Iterable[Path]) -> dict[str, Path]:
    """Name the videos and picture folders of a recording, one per camera.

    A folder stands for the videos in it, else for the pictures in it, else for its sub-folders of
    pictures. A camera is named after its file or folder, with all but letters, digits, "-" and "_"
    replaced, so that the name serves as a folder name everywhere.

    Returns:
        Camera name → absolute path, in natural order (cam2 before cam10).

    Raises:
        InputError: nothing given, something does not exist, only one camera, or two of one name.
    """
    given = [Path(os.path.abspath(path)) for path in paths]
    if not given:
        raise InputError(
            "no video was given; at least two cameras are needed",
            "give the videos or a folder with them, for example: gentri run videos/*.mp4",
        )
    found = [source for path in given for source in _expand(path)]
    found.sort(key=lambda path: (natural_key(_name(path)), _name(path), str(path)))
    _refuse_equal_names(found)
    if len(found) < 2:
        raise InputError(
            f"only one camera was found: {found[0]}; 3D needs at least two that see the person",
            "give the videos of all cameras together",
        )
    names: dict[str, Path] = {}
    for path in found:
        names[_free(safe_name(_name(path)), names)] = path
    return names


def safe_name(name: str) -> str:
    """A name that is a plain folder name on every system: letters, digits, "-" and "_"."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(c if c.isalnum() or c in "-_" else "_" for c in text)
    text = text[:_NAME_LENGTH].strip("-_") or "camera"
    return f"{text}_" if text.casefold() in _RESERVED else text


def _expand(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path} does not exist", "check the path")
    if not path.is_dir():
        return [path]
    try:
        visible = [child for child in path.iterdir() if not child.name.startswith(".")]
        videos = [c for c in visible if c.is_file() and c.suffix.lower() in VIDEO_SUFFIXES]
        if videos:
            return videos
        if list_images(path):
            return [path]
        folders = [child for child in visible if child.is_dir() and list_images(child)]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", "check that you may read the folder"
        ) from error
    if not folders:
        raise InputError(
            f"{path} holds neither videos, nor pictures, nor folders of pictures",
            "give the video files themselves, or a folder that holds them directly",
        )
    return folders


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _refuse_equal_names(found: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in found:
        key = unicodedata.normalize("NFC", _name(path)).casefold()
        other = seen.setdefault(key, path)
        if other is path:
            continue
        if other == path:
            raise InputError(f"{path} was given twice", "give each video once")
        same = "the same name" if _name(other) == _name(path) else "names equal up to case"
        raise InputError(
            f"two cameras have {same}: {other} and {path}",
            "rename one of them; a camera is named after its file or folder",
        )


def _free(name: str, taken: dict[str, Path]) -> str:
    used = {other.casefold() for other in taken}
    candidate, number = name, 2
    while candidate.casefold() in used:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
