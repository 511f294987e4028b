"""Time stamps: their rate, the common instants of cameras in sync, and what was seen at these."""

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.errors import InputError

# Between two frames further apart than this many frame periods nothing is known.
_MAX_GAP_PERIODS = 2.5
_ON_FRAME = 0.01  # frame periods
# A frame belongs to a tick within half a period, and a little for what containers round.
_REACH_PERIODS = 0.55


def frame_period(time_s: FloatArray) -> float:
    """Median time between frames, seconds; infinite for a single frame."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else np.inf


def mean_rate_hz(time_s: FloatArray) -> float:
    """The one rate that gives irregular time stamps (T,) their true duration.

    The median interval would not: containers that round to milliseconds store 60 Hz as 16 and
    17 ms. A single stamp has no rate; 1 Hz then keeps readers that divide by it alive.
    """
    span_s = float(time_s[-1] - time_s[0]) if len(time_s) > 1 else 0.0
    return (len(time_s) - 1) / span_s if span_s > 0 else 1.0


def gap_frames(time_s: FloatArray, gap_s: float) -> int:
    """Frames (T,) in a gap of so many seconds, by the usual distance of frames."""
    return round(gap_s / frame_period(time_s)) if len(time_s) > 1 else 0


def is_regular(time_s: FloatArray) -> bool:
    """Whether every stamp (T,) lies within half a period of the grid of the mean rate."""
    if len(time_s) < 3:
        return True
    grid_s = np.linspace(time_s[0], time_s[-1], len(time_s))
    return bool(np.abs(time_s - grid_s).max() < 0.5 / mean_rate_hz(time_s))


def common_ticks(names: tuple[str, ...], times_s: tuple[FloatArray, ...]) -> FloatArray:
    """Instants at which every camera was recording: the frames of the slowest camera.

    Args:
        names: of the cameras.
        times_s: for each camera (T_c,), seconds since the instant that all share.

    Returns:
        (T,) float64.

    Raises:
        InputError: the recordings do not overlap.
    """
    periods = [frame_period(t) for t in times_s]
    slowest = int(np.argmax(periods))
    slack = 0.5 * periods[slowest]
    first, last = max(t[0] for t in times_s), min(t[-1] for t in times_s)
    ticks = times_s[slowest]
    ticks = ticks[(ticks >= first - slack) & (ticks <= last + slack)]
    if first > last + slack or not len(ticks):
        late = names[int(np.argmax([t[0] for t in times_s]))]
        early = names[int(np.argmin([t[-1] for t in times_s]))]
        raise InputError(
            f"{late} starts at {first:.2f} s, after {early} has ended at {last:.2f} s: "
            "no common moment",
            "give the videos of one take, or another time range",
        )
    return ticks.astype(np.float64)


def bracketing_frames(
    time_s: FloatArray, ticks_s: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Frames before and after each tick and the share of the later one.

    A tick up to half a period (of frames or ticks) outside the recording takes the nearest frame.

    Returns:
        before (T,), after (T,), share (T,) 0–1; share is NaN where no frame is near.
    """
    period = frame_period(time_s)
    after = np.clip(np.searchsorted(time_s, ticks_s, side="left"), 0, len(time_s) - 1)
    before = np.clip(np.where(time_s[after] > ticks_s, after - 1, after), 0, None)
    gap = time_s[after] - time_s[before]
    share = np.divide(ticks_s - time_s[before], gap, out=np.zeros_like(gap), where=gap > 0)
    share = np.clip(share, 0.0, 1.0)
    away = np.minimum(np.abs(time_s[before] - ticks_s), np.abs(time_s[after] - ticks_s))
    paces = [p for p in (period, frame_period(ticks_s)) if np.isfinite(p)]
    outside = away > 0.5 * max(paces, default=0.0)
    share[(gap > _MAX_GAP_PERIODS * period) | outside] = np.nan
    return before, after, share


def nearest_frames(
    time_s: FloatArray, ticks_s: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each tick the nearer of the frames about it, (T,), and whether any is near, (T,)."""
    before, after, share = bracketing_frames(time_s, ticks_s)
    return np.where(share > 0.5, after, before), np.isfinite(share)


def at_ticks(
    xy: FloatArray, score: FloatArray, time_s: FloatArray, ticks_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Keypoints and scores of one camera at the ticks, by linear interpolation.

    On ticks that coincide with frames the values are those of the frame. Between two frames both
    must show the joint.

    Args:
        xy: (T_c, J, 2); NaN where not seen.
        score: (T_c, J).
        time_s: (T_c,) of the frames.
        ticks_s: (T,).

    Returns:
        (T, J, 2) and (T, J), NaN where unknown.
    """
    before, after, share = bracketing_frames(time_s, ticks_s)
    known = np.isfinite(share)
    s = np.where(known, share, 0.0)
    # The nearer frame alone when it is this near: rounding of time stamps loses no joint.
    nearest = np.where(s > 1 - _ON_FRAME, after, before)
    between = (s >= _ON_FRAME) & (s <= 1 - _ON_FRAME)

    def blend(values: FloatArray) -> FloatArray:
        mixed = values[nearest]
        part = s[between].reshape(-1, *(1,) * (values.ndim - 1))
        mixed[between] = (1 - part) * values[before[between]] + part * values[after[between]]
        return mixed

    xy_t, score_t = blend(xy), blend(score)
    xy_t[~known], score_t[~known] = np.nan, np.nan
    return xy_t, score_t


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
    period = frame_period(ticks_s if len(ticks_s) > 1 else time_s)
    reach_s = _REACH_PERIODS * period if np.isfinite(period) else 0.0
    after = np.searchsorted(ticks_s, time_s).clip(1, max(len(ticks_s) - 1, 1))
    before = after - 1
    after = after.clip(max=len(ticks_s) - 1)
    nearest = np.where(time_s - ticks_s[before] <= ticks_s[after] - time_s, before, after)
    return np.where(np.abs(ticks_s[nearest] - time_s) <= reach_s, nearest, -1)
