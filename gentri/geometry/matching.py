"""Cameras of a file and of a recording, matched by name and picture."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from gentri.data import Intrinsics, Rig
from gentri.errors import InputError
from gentri.geometry.known_lenses import fitted

RENAME = "rename the cameras there"

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


def left_over(
    found: Sequence[str], cameras: Sequence[str], matched: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Names that are no camera's, and cameras that none of the names is."""
    others = [name for name in found if name not in matched]
    return others, [camera for camera in cameras if camera not in matched.values()]


def said_of_left_over(source: str, what: str, others: Sequence[str], without: Sequence[str]) -> str:
    """In words: what a file has for others, and for whom it has nothing.

    Args:
        source: what names them.
        what: it has of a camera.
        others: names that are no camera's, one at least.
        without: cameras that none of the names is.
    """
    said = f"{source} names {', '.join(others)}: no camera here is called so"
    return f"{said}, and of {', '.join(without)} it has no {what}" if without else said


def require_some_matched(
    found: Sequence[str], cameras: Sequence[str], source: str, rename: str = RENAME
) -> dict[str, str]:
    """Like `matched_names`, for what may name others and leave cameras out.

    Args:
        found: names.
        cameras: of the recording.
        source: what names them, for messages.
        rename: how they get other names, for messages.

    Raises:
        InputError: no name is a camera's, or one is nearly that of a camera left without.
    """
    matched = matched_names(found, cameras)
    others, without = left_over(found, cameras, matched)
    near = [(name, c) for name in others for c in get_close_matches(name, without, n=1)]
    if near or (others and not matched):
        meant = f"; did you mean {near[0][1]} by {near[0][0]}?" if near else ""
        raise InputError(
            f"{source} names {', '.join(found)}; the cameras are {', '.join(cameras)}: there is no "
            f"{', '.join(others)}{meant}",
            f"{rename}, or leave out what is not there",
        )
    return matched


def require_all_found(
    found: Sequence[str], cameras: Sequence[str], source: str, rename: str = RENAME
) -> dict[str, str]:
    """Like `require_some_matched`, for what may name others but leave no camera out.

    Raises:
        InputError: a camera is missing.
    """
    matched = matched_names(found, cameras)
    _, missing = left_over(found, cameras, matched)
    if missing:
        raise InputError(
            f"{source} has no {', '.join(missing)}: it names {', '.join(found)}; the cameras are "
            f"{', '.join(cameras)}",
            f"{rename}, or rename the videos, so that both agree",
        )
    return matched


def matched_rig(
    rig: Rig,
    cameras: Sequence[str],
    size_px: NDArray[np.integer],
    source: str,
    rename: str = RENAME,
) -> tuple[Rig, dict[str, str]]:
    """The rig of these cameras alone, in their order, for their picture sizes.

    Args:
        rig: may hold others, too.
        cameras: C names.
        size_px: (C, 2) width and height of their pictures.
        source: what holds the rig, for messages.
        rename: how its cameras get other names, for messages.

    Returns:
        the rig, and name in the file → camera where the two differ.

    Raises:
        InputError: a camera is missing, or has pictures of another shape.
    """
    matched = require_all_found(rig.names, cameras, source, rename)
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
