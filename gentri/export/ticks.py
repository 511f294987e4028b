"""Time stamps that may be irregular: their rate, and which tick a camera's frame belongs to."""

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray

# Half a period, and a little for what containers round.
_REACH_PERIODS = 0.55


def mean_rate_hz(time_s: FloatArray) -> float:
    """The one rate that gives irregular time stamps (T,) their true duration.

    The median interval would not: containers that round to milliseconds store 60 Hz as 16 and
    17 ms. A single stamp has no rate; 1 Hz then keeps readers that divide by it alive.
    """
    span_s = float(time_s[-1] - time_s[0]) if len(time_s) > 1 else 0.0
    return (len(time_s) - 1) / span_s if span_s > 0 else 1.0


def is_regular(time_s: FloatArray) -> bool:
    """Whether every stamp (T,) lies within half a period of the grid of the mean rate."""
    if len(time_s) < 3:
        return True
    grid_s = np.linspace(time_s[0], time_s[-1], len(time_s))
    return bool(np.abs(time_s - grid_s).max() < 0.5 / mean_rate_hz(time_s))


def nearest_ticks(time_s: FloatArray, ticks_s: FloatArray) -> NDArray[np.int64]:
    """For each frame time the nearest tick, −1 where none is about half a period near.

    Args:
        time_s: (N,) frame times.
        ticks_s: (T,) ascending; their median interval is the period. A single tick borrows the
            period of the frames.

    Returns:
        (N,) positions in `ticks_s`.
    """
    if len(ticks_s) == 0:
        return np.full(len(time_s), -1)
    paced = ticks_s if len(ticks_s) > 1 else time_s
    period_s = float(np.median(np.diff(paced))) if len(paced) > 1 else 0.0
    after = np.searchsorted(ticks_s, time_s).clip(1, max(len(ticks_s) - 1, 1))
    before = after - 1
    after = after.clip(max=len(ticks_s) - 1)
    nearest = np.where(time_s - ticks_s[before] <= ticks_s[after] - time_s, before, after)
    near = np.abs(ticks_s[nearest] - time_s) <= _REACH_PERIODS * period_s
    return np.where(near, nearest, -1)
