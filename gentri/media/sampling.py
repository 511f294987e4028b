"""Which frames of a clip are kept, and the chunks in which they are extracted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.media.clip import Clip

# Source frames per chunk at least: some seconds of work, which is what a killed run can lose.
FRAMES_PER_CHUNK = 300
# A time given as a decimal number means the frame stamped with the nearest representable one.
_TIME_TOLERANCE_S = 1e-6


@dataclass(frozen=True)
class Sampling:
    """Time range and frame rate.

    Attributes:
        fps: frames kept per second; None keeps all.
        start_s, end_s: frames with start_s ≤ time < end_s, counted from the clip's first frame; an
            `end_s` of None is the clip's end.
    """

    fps: float | None
    start_s: float
    end_s: float | None

    def keep(self, time_s: FloatArray) -> NDArray[np.bool_]:
        """Mask (N,) over increasing times (N,) seconds.

        Ticks are at multiples of 1/fps since the clip's first frame, up to the last;
        each keeps the frame nearest to it, and a frame nearest to several ticks is kept once.
        """
        keep = time_s >= self.start_s - _TIME_TOLERANCE_S
        if self.end_s is not None:
            keep &= time_s < self.end_s - _TIME_TOLERANCE_S
        if self.fps is not None:
            keep &= _nearest_to_ticks(time_s, self.fps)
        return keep


def _nearest_to_ticks(time_s: FloatArray, fps: float) -> NDArray[np.bool_]:
    nearest = np.zeros(len(time_s), dtype=bool)
    if len(time_s):
        first = np.ceil((time_s[0] - _TIME_TOLERANCE_S) * fps)
        last = np.floor((time_s[-1] + _TIME_TOLERANCE_S) * fps)
        ticks_s = np.arange(first, last + 1) / fps
        middles_s = (time_s[1:] + time_s[:-1]) / 2
        nearest[np.searchsorted(middles_s, ticks_s + _TIME_TOLERANCE_S)] = True
    return nearest


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive frames that are extracted together: finished as a whole or not at all.

    Attributes:
        first: place of its first frame among those that are kept of the clip.
        seek: stamp of the key frame at which decoding begins; None for the clip's beginning.
        begin, end: stamps begin ≤ pts < end belong to this chunk; None is open.
        pts: (n,) int64, stamps of the frames to keep, as far as the container tells them.
    """

    first: int
    seek: int | None
    begin: int | None
    end: int | None
    pts: NDArray[np.int64]


def plan_chunks(
    clip: Clip, sampling: Sampling, frames: int = FRAMES_PER_CHUNK
) -> tuple[Chunk, ...]:
    """Cut a clip at key frames that are at least `frames` source frames apart.

    Every stamp falls into exactly one chunk. A clip whose container does not stamp its frames is
    one chunk, because seeking would change the stamps.
    """
    wanted = clip.pts[sampling.keep(clip.time_s)]
    if not len(wanted):
        return ()
    if not clip.stamped:
        return (Chunk(0, None, None, None, wanted),)
    begin = int(wanted[0]) if sampling.start_s > 0 else None
    end = int(wanted[-1]) + 1 if sampling.end_s is not None else None
    cuts = _cuts(clip, int(wanted[0]), int(wanted[-1]), frames)
    edges = zip([begin, *cuts], [*cuts, end], strict=True)
    bounds = np.searchsorted(wanted, cuts)
    parts = np.split(wanted, bounds)
    return tuple(
        Chunk(int(first), _key_frame_before(clip, begin), begin, end, part)
        for first, (begin, end), part in zip([0, *bounds], edges, parts, strict=True)
        if len(part)
    )


def _cuts(clip: Clip, first: int, last: int, frames: int) -> list[int]:
    cuts: list[int] = []
    previous = np.searchsorted(clip.pts, first)
    inside = clip.keyframes[(clip.keyframes > first) & (clip.keyframes <= last)]
    for key, place in zip(inside, np.searchsorted(clip.pts, inside), strict=True):
        if place - previous >= frames:
            cuts.append(int(key))
            previous = place
    return cuts


def _key_frame_before(clip: Clip, begin: int | None) -> int | None:
    place = 0 if begin is None else int(np.searchsorted(clip.keyframes, begin, side="right"))
    return int(clip.keyframes[place - 1]) if place > 0 else None
