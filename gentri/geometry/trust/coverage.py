"""How much of the pictures and of the time the person filled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D

_CELLS = (8, 6)  # a picture is divided into
_POOL = 2000  # ticks of a take looked at


@dataclass(frozen=True, eq=False)
class Coverage:
    """Of C cameras.

    Attributes:
        image: (C,) share of the picture's cells that a joint was in.
        time: (C,) share of the ticks at which the camera and another one see the person.
        common_s: length of all time that two cameras see the person, seconds.
    """

    image: FloatArray
    time: FloatArray
    common_s: float


def coverage(takes: list[Keypoints2D], cameras: tuple[str, ...]) -> Coverage:
    """Of the named cameras in all takes."""
    cells = np.zeros((len(cameras), *_CELLS), dtype=bool)
    shared, ticks, common_s = np.zeros(len(cameras)), 0, 0.0
    for take in takes:
        pick = np.unique(np.linspace(0, len(take.time_s) - 1, _POOL).astype(int))
        body = take.skeleton.body
        xy = take.xy_px[:, pick][:, :, body]
        seen = np.isfinite(xy[..., 0]) & (take.score[:, pick][:, :, body] > 0)
        present = seen.sum(-1) >= len(body) // 2
        both = present & (present.sum(0) >= 2)
        ticks += len(pick)
        common_s += float(both.any(0).mean() * np.ptp(take.time_s))
        for own, name in enumerate(take.cameras):
            c = cameras.index(name)
            shared[c] += both[own].sum()
            cells[c] |= _cells(xy[own][seen[own]], take.size_px[own])
    return Coverage(cells.mean((1, 2)), shared / max(ticks, 1), common_s)


def _cells(xy_px: FloatArray, size_px: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Cells of the picture that points (N, 2) lie in."""
    hit = np.zeros(_CELLS, dtype=bool)
    at = np.clip((xy_px / size_px * _CELLS).astype(int), 0, np.array(_CELLS) - 1)
    hit[at[:, 0], at[:, 1]] = True
    return hit
