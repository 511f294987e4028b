"""Whether a camera's clock is late: the time at which its pictures agree with the others'.

A rig that was estimated from a late camera hides a part of the delay in the poses, so poses and
joints are adjusted together with the clocks; the pictures are read again at the times found, until
nothing changes.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.trust.evidence import Evidence, Tracks, unswapped
from gentri.geometry.trust.model import Fit, plain
from gentri.geometry.trust.refit import begin, left_over, refit

# Clocks of good takes come out within 5 ms; a late one moves by more in the first round already.
_SUSPICIOUS_S = 0.008
_DELAYS_S = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0)
MOST_DELAY_S = _DELAYS_S[-1]
_ROUNDS, _STEPS, _SEARCH_FRAMES = 3, 8, 80
_SETTLED_S = 0.003


@dataclass(frozen=True, eq=False)
class Clocks:
    """How late the cameras are.

    Attributes:
        late_s: (takes, C) how much later than the others a camera shows the same moment; relative
            to the median camera, with two cameras to the first. NaN where a take lacks the camera.
        gain: fall of the log cost by correcting the clocks, in shares of one camera.
        left_over: median error of each camera once its clock is right, expected errors, (C,).
    """

    late_s: FloatArray
    gain: float
    left_over: FloatArray

    @property
    def worst(self) -> tuple[int, int]:
        """Take and camera of the largest delay."""
        take, camera = np.unravel_index(np.nanargmax(np.abs(self.late_s)), self.late_s.shape)
        return int(take), int(camera)


def clocks(tracks: Tracks, seen: Evidence, null: Fit) -> Clocks:
    """Delays of all cameras in all takes.

    Args:
        tracks: the takes.
        seen: moments of them.
        null: the rig adjusted to these moments with all clocks right.
    """
    late = np.zeros((len(tracks.takes), len(seen.xy)))
    present = _present(seen, len(late))
    late, fit, then = _settle(tracks, seen, late, null, rounds=1)
    if np.abs(late[present]).max() > _SUSPICIOUS_S:
        k, c = np.unravel_index(np.argmax(np.abs(np.where(present, late, 0.0))), late.shape)
        late[k, c] = _search(tracks, seen, late, fit, (int(k), int(c)))
        late, fit, then = _settle(tracks, seen, late, fit, rounds=_ROUNDS)
    gain = 0.5 * len(seen.xy) * np.log(null.cost / fit.cost)
    left = left_over(then, replace(plain(then), clock=_clock(then)), fit)
    return Clocks(np.where(present, late, np.nan), float(gain), left)


def _settle(
    tracks: Tracks, seen: Evidence, late: FloatArray, fit: Fit, rounds: int
) -> tuple[FloatArray, Fit, Evidence]:
    """Read at the delays, adjust, correct the delays, and again."""
    now = seen
    for _ in range(rounds):
        now = _read(tracks, seen, late, fit)
        model = replace(plain(now), clock=_clock(now))
        fit = refit(now, model, begin(now, model, fit.R, fit.t), _STEPS)
        change = np.zeros(late.size)
        change[: len(fit.shift_s)] = fit.shift_s
        change = change.reshape(late.shape)
        late = _relative(late + change, _present(seen, len(late)))
        if np.abs(change - change.mean()).max() < _SETTLED_S:
            break
    return late, fit, now


def _search(
    tracks: Tracks, seen: Evidence, late: FloatArray, fit: Fit, suspect: tuple[int, int]
) -> float:
    """The delay of one camera in one take at which the others agree best, on a coarse grid."""
    few = seen.only(np.unique(np.linspace(0, len(seen.take) - 1, _SEARCH_FRAMES).astype(int)))
    side = float(np.sign(late[suspect]))
    tried: list[tuple[float, float]] = []
    lasts_s = float(np.ptp(seen.time_s[seen.take == suspect[0]]))
    for delay in (d for d in _DELAYS_S if d <= lasts_s / 2):  # later, too little is left to compare
        trial = late.copy()
        trial[suspect] = side * delay
        now = tracks.read(few.take, few.time_s, trial[few.take].T, few.held_out)
        model = plain(now)
        fit = refit(now, model, begin(now, model, fit.R, fit.t), _STEPS)
        tried.append((fit.cost, side * delay))
        if fit.cost > 1.5 * min(tried)[0]:
            break
    return _lowest(np.array(tried)) if tried else float(late[suspect])


def _lowest(tried: FloatArray) -> float:
    """Delay of the lowest of (N, 2) costs and delays, between them by a parabola."""
    best = int(tried[:, 0].argmin())
    if not 0 < best < len(tried) - 1:
        return float(tried[best, 1])
    cost, delay = tried[best - 1 : best + 2].T
    a, b, _ = np.polyfit(delay, cost, 2)
    return float(-b / (2 * a)) if a > 0 else float(delay[1])


def _read(tracks: Tracks, seen: Evidence, late: FloatArray, fit: Fit) -> Evidence:
    now = tracks.read(seen.take, seen.time_s, late[seen.take].T, seen.held_out)
    return unswapped(now, fit.R[: len(now.xy)], fit.t[: len(now.xy)])


def _clock(seen: Evidence) -> NDArray[np.int64]:
    """A clock for every camera in every take, (C, F)."""
    cameras = len(seen.xy)
    return seen.take * cameras + np.arange(cameras)[:, None]


def _present(seen: Evidence, takes: int) -> NDArray[np.bool_]:
    return np.array([seen.seen[:, seen.take == k].any((1, 2)) for k in range(takes)])


def _relative(late: FloatArray, present: NDArray[np.bool_]) -> FloatArray:
    """Delays against the median camera of each take, against the first one of two."""
    out = np.zeros_like(late)
    for k, there in enumerate(present):
        if there.any():
            own = late[k, there]
            out[k, there] = own - (own[0] if there.sum() == 2 else np.median(own))
    return out
