"""From paths on a command line to one named source per camera."""

import os
import stat
import unicodedata
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from gentri.errors import InputError
from gentri.media.files import VIDEO_SUFFIXES, list_images, natural_key

_NAME_LENGTH = 60  # characters; with the longest UTF-8 still a valid file name of 255 bytes
# Windows refuses these as names of files and folders.
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(1, 10)}
_KEYPOINT_SUFFIXES = {".json", ".npz"}

Source = tuple[str, Path]  # what the camera is called after, and its video or folder of pictures


def collect_sources(paths: Iterable[Path]) -> dict[str, Path]:
    """Name the videos and picture folders of a recording, one per camera.

    A folder stands for the videos in it, else for the pictures in it, else for its sub-folders,
    each with one video or with pictures. A camera is named after its file, or after its folder
    where that holds one camera alone, with all but letters, digits, "-" and "_" replaced, so that
    the name serves as a folder name everywhere.

    Returns:
        Camera name → absolute path, in natural order (cam2 before cam10).

    Raises:
        InputError: nothing given, something does not exist or cannot be read, only one camera, or
            two of one name.
    """
    given = [Path(os.path.abspath(path)) for path in paths]
    if not given:
        raise InputError(
            "no video was given; at least two cameras are needed",
            "give the videos or a folder with them, for example: gentri run videos/*.mp4",
        )
    found = [source for path in given for source in _expand(path)]
    found.sort(key=lambda source: (natural_key(source[0]), source[0], str(source[1])))
    _refuse_twins(found)
    if len(found) < 2:
        raise InputError(
            f"only one camera was found: {found[0][1]}; 3D needs at least two that see the person",
            "give the videos of all cameras together",
        )
    names: dict[str, Path] = {}
    for name, path in found:
        names[_free(safe_name(name), names)] = path
    return names


def safe_name(name: str) -> str:
    """A name that is a plain folder name on every system: letters, digits, "-" and "_"."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(c if c.isalnum() or c in "-_" else "_" for c in text)
    text = text[:_NAME_LENGTH].strip("-_") or "camera"
    return f"{text}_" if text.casefold() in _RESERVED else text


def _expand(path: Path) -> list[Source]:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
        found = _in_folder(path) if is_folder else [(path.stem, path)]
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{_shown(path)} does not exist", "check the path") from None
    except OSError as error:
        raise InputError(
            f"{_shown(path)} cannot be read: {error.strerror or error}",
            "check that you may read it and the folders above it",
        ) from error
    for _, source in found:
        _refuse_unspeakable(source)
    return found


def _in_folder(folder: Path) -> list[Source]:
    children = [child for child in folder.iterdir() if not child.name.startswith(".")]
    if videos := _videos(children):
        alone = len(videos) == 1
        return [(folder.name if alone else video.stem, video) for video in videos]
    if list_images(folder):
        return [(folder.name, folder)]
    found = [_only_camera(child) for child in children if child.is_dir()]
    if not any(found):
        said = f"{folder} holds neither videos, nor pictures, nor folders of them"
        near = chain(folder.glob("*"), folder.glob("*/*"))
        if any(path.suffix.lower() in _KEYPOINT_SUFFIXES for path in near):
            raise InputError(
                f"{said}, but files that may be keypoints",
                f"give them as such: --keypoints {folder}",
            )
        raise InputError(
            said, "give the video files themselves, or a folder that holds them directly"
        )
    return [source for source in found if source]


def _only_camera(folder: Path) -> Source | None:
    """The one video or the pictures of a sub-folder; None where it holds neither."""
    videos = _videos(folder.iterdir())
    if len(videos) > 1:
        raise InputError(
            f"{folder} holds {len(videos)} videos; a folder that stands for a camera holds one",
            "leave the video of this take alone in it, or give the video files themselves",
        )
    if videos:
        return folder.name, videos[0]
    return (folder.name, folder) if list_images(folder) else None


def _videos(paths: Iterable[Path]) -> list[Path]:
    return [
        path
        for path in paths
        if path.suffix.lower() in VIDEO_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    ]


def _refuse_unspeakable(path: Path) -> None:
    """Refuse what no text file, and so no session.toml, can name."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the name of {_shown(path)} is not valid UTF-8",
            "rename it, for example to letters, digits, '-' and '_'",
        ) from error


def _shown(path: Path) -> str:
    """A path as text; bytes that are none are escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _refuse_twins(found: list[Source]) -> None:
    seen: dict[str, Source] = {}
    paths: set[Path] = set()
    for name, path in found:
        if path in paths:
            raise InputError(f"{path} was given twice", "give each video once")
        paths.add(path)
        key = unicodedata.normalize("NFC", name).casefold()
        twin, other = seen.setdefault(key, (name, path))
        if other is path:
            continue
        same = "the same name" if twin == name else "names equal up to case"
        raise InputError(
            f"two cameras have {same}: {other} and {path}",
            "rename one of them; a camera is named after its file, or after its folder if you "
            "give the folder and it holds one video",
        )


def _free(name: str, taken: dict[str, Path]) -> str:
    used = {other.casefold() for other in taken}
    candidate, number = name, 2
    while candidate.casefold() in used:
        suffix = f"_{number}"
        candidate, number = name[: _NAME_LENGTH - len(suffix)] + suffix, number + 1
    return candidate
