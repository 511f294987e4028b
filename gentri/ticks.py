"""Common instants of cameras that ran in sync, and keypoints at these instants."""

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.errors import InputError

# Between two frames further apart than this many frame periods nothing is known.
_MAX_GAP_PERIODS = 2.5


def frame_period(time_s: FloatArray) -> float:
    """Median time between frames, seconds; infinite for a single frame."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else np.inf


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
            f"{late} starts at {first:.2f} s, after {early} has ended at {last:.2f} s: no common moment",
            "give the videos of one take, or another time range",
        )
    return ticks.astype(np.float64)


def bracketing_frames(
    time_s: FloatArray, ticks_s: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Frames before and after each tick and the share of the later one.

    A tick up to half a period outside the recording takes the first or last frame.

    Returns:
        before (T,), after (T,), share (T,) 0–1; share is NaN where no frame is near.
    """
    period = frame_period(time_s)
    after = np.clip(np.searchsorted(time_s, ticks_s, side="left"), 0, len(time_s) - 1)
    before = np.clip(np.where(time_s[after] > ticks_s, after - 1, after), 0, None)
    gap = time_s[after] - time_s[before]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(gap > 0, (ticks_s - time_s[before]) / gap, 0.0)
    share = np.clip(share, 0.0, 1.0)
    outside = np.minimum(np.abs(time_s[before] - ticks_s), np.abs(time_s[after] - ticks_s))
    share[
        (gap > _MAX_GAP_PERIODS * period) | (outside > 0.5 * max(gap.max(initial=0.0), period))
    ] = np.nan
    return before, after, share


def at_ticks(
    xy: FloatArray, score: FloatArray, time_s: FloatArray, ticks_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Keypoints (T_c, J, 2) and scores (T_c, J) of one camera at the ticks, by linear interpolation.

    On ticks that coincide with frames the values are those of the frame. Between two frames both must
    show the joint.
    """
    before, after, share = bracketing_frames(time_s, ticks_s)
    known = np.isfinite(share)
    s = np.where(known, share, 0.0)[:, None]
    # The nearer frame alone within a hundredth of a period: rounding of time stamps loses no joint.
    s = np.where(s < 0.01, 0.0, np.where(s > 0.99, 1.0, s))

    def blend(values: FloatArray, share: FloatArray) -> FloatArray:
        a, b = values[before], values[after]
        mixed = np.where(share == 0, a, np.where(share == 1, b, (1 - share) * a + share * b))
        return mixed.astype(values.dtype)

    xy_t, score_t = blend(xy, s[..., None]), blend(score, s)
    xy_t[~known], score_t[~known] = np.nan, np.nan
    return xy_t, score_t
