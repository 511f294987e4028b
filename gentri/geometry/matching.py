"""Cameras of a file and of a recording, matched by name and picture."""

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from gentri.data import Intrinsics, Rig
from gentri.errors import InputError
from gentri.geometry.known_lenses import fitted

_WORD = re.compile(r"[^\W\d_]+|\d+")


def matched_names(found: Sequence[str], cameras: Sequence[str]) -> dict[str, str]:
    """Name in a file → camera: the same, or written otherwise, as cam_01 is Cam1.

    A name that could be two cameras, and one that is none, are left out.
    """
    same = {name: name for name in found if name in cameras}
    left = [name for name in found if name not in same]
    open_ = [camera for camera in cameras if camera not in same]
    spelt = [_spelling(name) for name in left]
    for camera in open_:
        alike = _spelling(camera)
        unique = [_spelling(other) for other in open_].count(alike) == 1
        if unique and spelt.count(alike) == 1:
            same[left[spelt.index(alike)]] = camera
    return same


def require_all_matched(found: Sequence[str], cameras: Sequence[str], file: str) -> dict[str, str]:
    """Like `matched_names`, for files that may leave cameras out but name no others.

    Raises:
        InputError: a name is none of the cameras.
    """
    matched = matched_names(found, cameras)
    unknown = [name for name in found if name not in matched]
    if unknown:
        near = get_close_matches(unknown[0], cameras, n=1)
        meant = f"; did you mean {near[0]} by {unknown[0]}?" if near else ""
        raise InputError(
            f"{file} names {', '.join(found)}; the cameras are {', '.join(cameras)}: there is no "
            f"{', '.join(unknown)}{meant}",
            "rename the cameras in the file, or leave out what is not there",
        )
    return matched


def require_all_found(found: Sequence[str], cameras: Sequence[str], file: str) -> dict[str, str]:
    """Like `matched_names`, for files that may name others but leave no camera out.

    Raises:
        InputError: a camera is missing.
    """
    matched = matched_names(found, cameras)
    missing = [name for name in cameras if name not in matched.values()]
    if missing:
        raise InputError(
            f"{file} has no {', '.join(missing)}: it names {', '.join(found)}; the cameras are "
            f"{', '.join(cameras)}",
            "rename the cameras in the file, or the videos, so that both agree",
        )
    return matched


def matched_rig(
    rig: Rig, cameras: Sequence[str], size_px: NDArray[np.integer], file: str
) -> tuple[Rig, dict[str, str]]:
    """The rig of these cameras alone, in their order, for their picture sizes.

    Args:
        rig: may hold others, too.
        cameras: C names.
        size_px: (C, 2) width and height of their pictures.
        file: what holds the rig, for messages.

    Returns:
        the rig, and name in the file → camera where the two differ.

    Raises:
        InputError: a camera is missing, or has pictures of another shape.
    """
    matched = require_all_found(rig.names, cameras, file)
    by_camera = {matched[c.name]: c for c in rig.cameras if c.name in matched}
    chosen = []
    for name, size in zip(cameras, size_px, strict=True):
        camera = by_camera[name]
        lens = Intrinsics(camera.width, camera.height, camera.K, camera.dist, "given", 0.0)
        lens = fitted(name, lens, np.asarray(size, dtype=np.float64))
        width, height = lens.width, lens.height
        chosen.append(replace(camera, name=name, width=width, height=height, K=lens.K))
    renamed = {name: camera for name, camera in matched.items() if name != camera}
    return replace(rig, cameras=tuple(chosen)), renamed


def _spelling(name: str) -> tuple[str, ...]:
    """What stays of a name without case, separators and leading zeros."""
    words = _WORD.findall(name.casefold())
    return tuple(str(int(word)) if word.isdecimal() else word for word in words)
