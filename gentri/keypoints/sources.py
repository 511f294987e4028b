"""From a folder of keypoint files to one named source per camera, and back to its recording."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from gentri.errors import InputError
from gentri.keypoints import folder, mmpose, npz
from gentri.keypoints.recording import Recording
from gentri.media.files import list_images, natural_key
from gentri.media.sources import safe_name

Source = tuple[str, Path]  # what the camera is called after, and its file or folder

# Enough of a file to see the first keys of what is in it.
_HEAD_BYTES = 4096
# Files looked at to tell what a group of files is: the first may be cut off.
_TRIES = 3
_LAYOUTS = (
    "OpenPose, Pose2Sim: a folder per camera with one JSON per frame; MMPose: one JSON per camera; "
    "gentri: one npz per camera, as in a session's folder detect"
)


def collect_keypoints(paths: Iterable[Path]) -> dict[str, Path]:
    """Name the keypoint files of a recording, one source per camera.

    A folder stands for the cameras whose files lie in it, else for its sub-folders, each of one
    camera. A camera is called after its file or folder (without Pose2Sim's "_json"), or after the
    beginning of its files' names where several share a folder; it then shares the path, too.

    Returns:
        Camera name → absolute path, in natural order.

    Raises:
        InputError: no keypoints, something does not exist, only one camera, or two of one name.
    """
    found = [source for path in paths for source in _expand(Path(os.path.abspath(path)))]
    found.sort(key=lambda source: (natural_key(source[0]), source[0], str(source[1])))
    if len(found) < 2:
        raise InputError(
            f"only one camera was found: {found[0][1]}; 3D needs at least two that see the person",
            f"give the keypoints of all cameras together ({_LAYOUTS})",
        )
    names: dict[str, Path] = {}
    for name, path in found:
        safe = safe_name(name)
        twin = next((n for n in names if n.casefold() == safe.casefold()), None)
        if twin is not None:
            raise InputError(
                f"two cameras have the same name: {names[twin]} and {path}",
                "rename the files or folders of one of them",
            )
        names[safe] = path
    return names


def is_keypoints(path: Path) -> bool:
    """Whether a source holds keypoints, and not pictures."""
    if path.is_dir():
        return not list_images(path) and bool(folder.list_json(path))
    return path.suffix.lower() in (".json", ".npz")


def may_hold_keypoints(path: Path) -> bool:
    """Whether it is such a file, or a folder of anything but pictures."""
    return is_keypoints(path) or (path.is_dir() and not list_images(path))


def list_source_files(path: Path) -> tuple[Path, ...]:
    """The files of a source's folder that count: its pictures, else its keypoints."""
    return list_images(path) or folder.list_json(path)


def read_recording(path: Path, camera: str) -> Recording:
    """What the files of a source say of a camera.

    Raises:
        InputError: a file is damaged, is laid out otherwise, or shows nobody.
    """
    if path.suffix.lower() == ".npz" and not path.is_dir():
        names = [safe_name(name) for name in npz.cameras_of(path)]
        return npz.read_npz(path, names.index(camera) if camera in names else 0)
    if not path.is_dir():
        return mmpose.read_video(path)
    groups = {n: f for n, f in folder.by_prefix(folder.list_json(path)).items() if _kind(f)}
    chosen = [f for n, f in groups.items() if len(groups) == 1 or safe_name(n) == camera]
    if len(chosen) != 1:
        raise InputError(
            f"{path} has no keypoint files of {camera}, but of: {', '.join(groups) or 'none'}",
            "put the files of each camera into a folder of its own",
        )
    return folder.read_frames(chosen[0])


def _expand(path: Path) -> list[Source]:
    try:
        path.stat()
        if not path.is_dir():
            return _in_file(path)
        if found := _in_folder(path):
            return found
        inside = [(p, _in_folder(p)) for p in sorted(path.iterdir()) if _is_open(p)]
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} does not exist", "check the path") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}",
            "check that you may read it and the folders above it",
        ) from error
    for sub, sources in inside:
        if len(sources) > 1:
            raise InputError(
                f"{sub} holds the keypoints of {len(sources)} cameras, "
                f"where a folder of one is needed in {path}",
                f"give the folder itself: --keypoints {sub}",
            )
    if not any(sources for _, sources in inside):
        raise InputError(f"{path} holds no keypoint files{_deeper(path)}", _LAYOUTS)
    return [source for _, sources in inside for source in sources]


def _in_file(path: Path) -> list[Source]:
    if path.suffix.lower() == ".npz":
        return [(name, path) for name in npz.cameras_of(path)] or [(path.stem, path)]
    if _kind([path]) != "camera":
        raise InputError(f"{path} is not the keypoint file of a camera", _LAYOUTS)
    return [(path.stem, path)]


def _in_folder(path: Path) -> list[Source]:
    """The cameras whose files lie directly in a folder."""
    found: list[Source] = []
    frames: list[str] = []
    for prefix, files in folder.by_prefix(folder.list_json(path)).items():
        kind = _kind(files)
        if kind == "frames":
            frames.append(prefix)
        elif kind == "camera":
            found += [(file.stem, file) for file in files]
    if len(frames) == 1:
        found.append((re.sub(r"_json$", "", path.name), path))
    else:
        found += [(prefix, path) for prefix in frames]
    if found:
        return found
    files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".npz" and p.name[0] != ".")
    return [source for file in files if npz.is_keypoints(file) for source in _in_file(file)]


def _kind(files: list[Path]) -> str:
    """What these files are: "frames", one per frame; "camera", one per camera; "" other JSON."""
    return next(filter(None, map(_kind_of, files[:_TRIES])), "")


def _kind_of(file: Path) -> str:
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace")
    if re.match(r"\s*\[\s*(\{\s*\"(keypoints|keypoint_scores|bbox)|\]\s*$)", head):
        return "frames"
    if re.match(r"\s*\[\s*\{", head):
        return "camera" if re.search(r"\"(frame_id|instances)\"", head) else ""
    if re.match(r"\s*\{", head):
        if re.search(r"\"(meta_info|instance_info)\"\s*:", head):
            return "camera"
        return "frames" if re.search(r"\"people\"\s*:", head) else ""
    return ""


def _deeper(path: Path) -> str:
    """Which folder holds them instead: inside, as `pose` of a Pose2Sim project; beside it."""
    beside = path.parent / "detect"  # of a session whose frames were given
    if path.name != beside.name and beside.is_dir() and _in_folder(beside):
        return f"; beside it, this does: {beside}"
    holders = [
        child.name
        for child in sorted(path.iterdir())
        if _is_open(child) and any(_in_folder(sub) for sub in child.iterdir() if _is_open(sub))
    ]
    return f"; in it, these do: {', '.join(holders)}" if holders else ""


def _is_open(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")
