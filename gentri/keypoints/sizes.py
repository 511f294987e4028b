"""How large the videos were whose keypoints are there."""

import re
from collections.abc import Mapping

import numpy as np

from gentri.data import FloatArray
from gentri.errors import InputError, UsageError
from gentri.keypoints.recording import Recording

Size = tuple[int, int]

_ENTRY = re.compile(r"(?:(?P<camera>.+)=)?(?P<width>[1-9]\d*)[x×](?P<height>[1-9]\d*)")
# Networks place some joints of people at the border beyond it, but not many of all.
_MOST_OUTSIDE = 0.1
# Coordinates that never exceed this are shares of the picture: OpenPose writes these on request.
_LARGEST_SHARE = 2.0


def is_size(entry: str) -> bool:
    """Whether an entry is a width and height: "1920x1080", or of one camera, "cam01=1080x1920"."""
    return _ENTRY.fullmatch(entry) is not None


def parse_sizes(entries: tuple[str, ...]) -> dict[str, Size]:
    """Camera name → width and height, from entries of `is_size`; of all other cameras under ""."""
    found = filter(None, map(_ENTRY.fullmatch, entries))
    return {m["camera"] or "": (int(m["width"]), int(m["height"])) for m in found}


def sizes_of(recordings: Mapping[str, Recording], entries: tuple[str, ...]) -> dict[str, Size]:
    """Width and height of every camera, as set or as its files say.

    Raises:
        InputError: a size is not known, or joints lie far outside of it.
        UsageError: a size for a camera that is not there.
    """
    given = parse_sizes(entries)
    for name in given:
        if name and name not in recordings:
            raise UsageError(
                f"there is no camera {name} to set the size of", f"cameras: {', '.join(recordings)}"
            )
    _refuse_shares(recordings)
    found: dict[str, Size] = {}
    for name, recording in recordings.items():
        width, height = given.get(name) or given.get("") or recording.size_px.tolist()
        if width:
            found[name] = width, height
    if missing := {n: r for n, r in recordings.items() if n not in found}:
        raise InputError(
            f"the image size is not known of: {_extents(missing)}",
            "add width and height to the command, such as --size 1920x1080, or one per camera: "
            + " ".join(f"--size {name}=WIDTHxHEIGHT" for name in missing),
        )
    for name, recording in recordings.items():
        _refuse_outside(name, recording, found[name])
    return found


def _extent(recording: Recording) -> FloatArray:
    """Largest x and y that was seen, (2,)."""
    return np.nanmax(recording.xy_px, axis=(0, 1))


def _extents(recordings: Mapping[str, Recording]) -> str:
    extents = {name: _extent(recording) for name, recording in recordings.items()}
    return ", ".join(f"{n} (joints up to x {x:.0f}, y {y:.0f})" for n, (x, y) in extents.items())


def _refuse_shares(recordings: Mapping[str, Recording]) -> None:
    small = [n for n, r in recordings.items() if _extent(r).max() <= _LARGEST_SHARE]
    if small:
        raise InputError(
            f"the keypoints of {', '.join(small)} never exceed {_LARGEST_SHARE:g}: they are shares "
            "of the picture, and pixels are needed",
            "write them in pixels; OpenPose: --keypoint_scale 0",
        )


def _refuse_outside(name: str, recording: Recording, size: Size) -> None:
    xy = recording.xy_px[np.isfinite(recording.score)]
    outside = ((xy < -0.5) | (xy > np.array(size) - 0.5)).any(-1).mean()
    if outside > _MOST_OUTSIDE:
        x, y = _extent(recording)
        raise InputError(
            f"{outside:.0%} of the joints of {name} lie outside of its {size[0]}×{size[1]} px: "
            f"they reach x {x:.0f}, y {y:.0f}",
            f"correct the size: --size {name}=WIDTHxHEIGHT (upright, as the detector saw it)",
        )
