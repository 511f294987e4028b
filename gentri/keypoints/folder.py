"""A folder with one file per frame: which files are of which camera, and of which frame."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gentri.keypoints import mmpose, openpose
from gentri.keypoints.gather import Frame, recording_of
from gentri.keypoints.json_file import misshapen, read_json
from gentri.keypoints.recording import Recording

# cam01_000012_keypoints.json (OpenPose), cam01_000012.json (Pose2Sim), 000012.json.
_FRAME_NAME = re.compile(r"(?P<camera>.*?)[_\-. ]*(?P<number>\d+)(?:_keypoints)?")


def list_json(folder: Path) -> tuple[Path, ...]:
    """JSON files directly inside a folder; hidden files are left out."""
    found = (p for p in folder.iterdir() if p.suffix.lower() == ".json" and p.name[0] != ".")
    return tuple(sorted(found, key=lambda path: path.name))


def by_prefix(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Files by what stands in front of the frame's number; those without a number by their stem."""
    groups: dict[str, list[Path]] = {}
    for file in files:
        named = _FRAME_NAME.fullmatch(file.stem)
        groups.setdefault(named["camera"] if named else file.stem, []).append(file)
    return groups


def read_frames(files: Iterable[Path]) -> Recording:
    """The files of one camera.

    Raises:
        InputError: one of them is no frame, or what `recording_of` refuses.
    """
    return recording_of(_frames(files))


def _frames(files: Iterable[Path]) -> Iterator[Frame]:
    for file in files:
        named = _FRAME_NAME.fullmatch(file.stem)
        if named is None:
            raise misshapen(file, "its name has no frame number")
        content = read_json(file)
        try:
            people = _people(content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise misshapen(file, error) from error
        yield Frame(int(named["number"]), people, file)


def _people(content: Any) -> list[Any]:
    if isinstance(content, dict) and "people" in content:
        return openpose.people_of(content)
    return mmpose.people_of(content["instance_info"] if isinstance(content, dict) else content)
