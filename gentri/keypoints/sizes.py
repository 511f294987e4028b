"""How large the videos were whose keypoints are there."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gentri.data import FloatArray
from gentri.errors import InputError, UsageError
from gentri.keypoints.recording import Recording
from gentri.media.sources import safe_name

Size = tuple[int, int]

_ENTRY = re.compile(r"(?:(?P<camera>.+)=)?(?P<width>[1-9]\d*)[x×](?P<height>[1-9]\d*)")
# Networks place some joints of people at the border beyond it, but not many of all.
_MOST_OUTSIDE = 0.1
# Coordinates that never exceed this are shares of the picture: OpenPose writes these on request.
_LARGEST_SHARE = 2.0
# A detector that saw a smaller copy leaves all joints in the upper left of the picture. People
# before cameras that are aimed at them spread about the middle: in the mean of all cameras the
# median joint lies at 0.4 to 0.6 of width and height, and some reach beyond 0.7. In one camera a
# person may stay in a corner: alone, a camera is asked for more.
_CORNER, _MIDDLE = 0.7, 0.42
_CORNER_OF_ONE, _MIDDLE_OF_ONE = 0.55, 0.36
_REACH = 0.99  # of the joints: single ones are misplaced
_BEYOND = 1.03  # networks place some joints a little outside
_USUAL_SIDES = (640, 960, 1280, 1920, 2560, 3840)  # the longer ones of pictures, pixels


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
    given = _by_camera(parse_sizes(entries), tuple(recordings))
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
        refuse_outside(name, recording.xy_px, found[name])
    return found


def refuse_outside(name: str, xy_px: FloatArray, size: Size) -> None:
    """Refuse a size that leaves many of a camera's joints (…, 2) outside.

    Raises:
        InputError: it does.
    """
    xy = xy_px[np.isfinite(xy_px).all(-1)]
    outside = ((xy < -0.5) | (xy > np.array(size) - 0.5)).any(-1)
    if len(xy) and outside.mean() > _MOST_OUTSIDE:
        x, y = xy.max(0)
        raise InputError(
            f"{outside.mean():.0%} of the joints of {name} lie outside of its {size[0]}×{size[1]} "
            f"px: they reach x {x:.0f}, y {y:.0f}",
            f"correct the size: --size {name}=WIDTHxHEIGHT (upright, as the detector saw it)",
        )


class Spread(NamedTuple):
    """Where the joints of a camera lie: their median, and what almost none exceeds, (2,) px."""

    middle: FloatArray
    reach: FloatArray


def spread_of(xy_px: FloatArray) -> Spread:
    """Of joints (…, 2); NaN where none was seen."""
    xy = xy_px[np.isfinite(xy_px).all(-1)]
    if not len(xy):
        return Spread(np.full(2, np.nan), np.full(2, np.nan))
    middle, reach = np.quantile(xy.astype(np.float64), (0.5, _REACH), axis=0)
    return Spread(middle, reach)


class SizeDoubt(NamedTuple):
    """Why a size may be too large; `sure` where all cameras say so."""

    text: str
    sure: bool


def doubt_sizes(spreads: Mapping[str, Spread], sizes: Mapping[str, Size]) -> list[SizeDoubt]:
    """Cameras whose joints keep to the upper left of the picture, as those of a smaller copy do.

    Args:
        spreads: camera name → where its joints lie; of the cameras whose size somebody said.
        sizes: width and height of these, or of more.
    """
    shares = {n: Spread(s.middle / sizes[n], s.reach / sizes[n]) for n, s in spreads.items()}
    if len(shares) > 1 and _all_keep_to_corner(list(shares.values())):
        said = ", ".join(f"{n} {_corner(s)}" for n, s in shares.items())
        text = f"all joints keep to the upper left of the pictures, {said}: "
        return [SizeDoubt(text + _remedy(spreads, sizes), True)]
    return [
        SizeDoubt(
            f"the joints of {n} keep to the upper left {_corner(s)} of its pictures: "
            + _remedy({n: spreads[n]}, sizes),
            False,
        )
        for n, s in shares.items()
        if (s.reach < _CORNER_OF_ONE).all() and (s.middle < _MIDDLE_OF_ONE).all()
    ]


def _all_keep_to_corner(shares: Sequence[Spread]) -> bool:
    reach = np.array([s.reach for s in shares])
    middle = np.mean([s.middle for s in shares], axis=0)
    return bool((reach < _CORNER).all() and (middle < _MIDDLE).all())


def _corner(share: Spread) -> str:
    return f"{share.reach[0]:.0%} × {share.reach[1]:.0%}"


def _remedy(spreads: Mapping[str, Spread], sizes: Mapping[str, Size]) -> str:
    """What to do, with the two smallest usual sizes of the same shape that hold the joints."""
    name = next(iter(spreads))
    size = np.array(sizes[name])
    alike = len({sizes[n] for n in spreads}) == 1 and len(spreads) == len(sizes)
    reach = max(float((s.reach / sizes[n]).max()) for n, s in spreads.items())
    factors = [side / size.max() for side in _USUAL_SIDES]
    smaller = [size * f for f in factors if reach <= f * _BEYOND and f < 1]
    such = " or ".join(f"{'' if alike else name + '='}{w:.0f}x{h:.0f}" for w, h in smaller[:2])
    return "if the detector saw smaller pictures, give their size" + (
        f": --size {such}" * bool(such)
    )


def _by_camera(given: Mapping[str, Size], cameras: tuple[str, ...]) -> dict[str, Size]:
    """Sizes by the cameras' own names, which may have been made plain: "cam 1" is cam_1."""
    found: dict[str, Size] = {}
    for name, size in given.items():
        camera = name if name in ("", *cameras) else safe_name(name)
        if camera and camera not in cameras:
            raise UsageError.unknown("camera to set the size of", name, cameras)
        found[camera] = size
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
