"""How a detector errs: the figures by which simulated and real detections are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.skeletons import COCO17
from gentri.synthetic.bodies import headings
from gentri.synthetic.sketch import person_size
from gentri.synthetic.walker import Walk

# Larger errors (share of the box diagonal) are mistakes, not inaccuracy: left out of the shares of
# energy, which a few of them would decide.
MISTAKE = 0.10
_AZIMUTHS = 12  # bins


@dataclass(frozen=True)
class ErrorStatistics:
    """Errors as shares of the person's box diagonal, and shares of their energy.

    Attributes:
        median, p90, p99: of the distance between detected and true joints.
        correlation: of inaccuracies 0.1 s apart.
        constant: share of the energy of inaccuracies that stays with a take, view and joint.
        by_azimuth: share that joint and relative azimuth of the view predict.
    """

    median: float
    p90: float
    p99: float
    correlation: float
    constant: float
    by_azimuth: float


# Older detectors on 4-view recordings with motion-capture truth (docs/method.md).
REAL = ErrorStatistics(0.019, 0.06, 0.26, 0.79, 0.27, 0.37)


@dataclass(frozen=True, eq=False)
class ObservedTake:
    """What was seen, what was there, and from where.

    Attributes:
        seen, exact: detections and true projections.
        walk: the motion; rig: the cameras.
    """

    seen: Keypoints2D
    exact: Keypoints2D
    walk: Walk
    rig: Rig


def error_statistics(takes: Sequence[ObservedTake]) -> ErrorStatistics:
    """Body joints of several takes, which one detector has seen."""
    errors = [_errors(take) for take in takes]
    length = np.concatenate([np.linalg.norm(e, axis=-1).ravel() for e in errors])
    median, p90, p99 = np.nanquantile(length, [0.5, 0.9, 0.99])
    small = [
        np.where(np.linalg.norm(e, axis=-1, keepdims=True) < MISTAKE, e, np.nan) for e in errors
    ]
    energy = sum(float(np.nansum(e**2)) for e in small)
    pairs = zip(takes, small, strict=True)
    return ErrorStatistics(
        median=float(median),
        p90=float(p90),
        p99=float(p99),
        correlation=_correlation([_a_moment_apart(t, e) for t, e in pairs]),
        constant=sum(float(_mean_energy(e, axis=1).sum()) for e in small) / energy,
        by_azimuth=_azimuth_energy(takes, small) / energy,
    )


def _errors(take: ObservedTake) -> FloatArray:
    """Errors of body joints (C, T, 12, 2), shares of the box diagonal."""
    size = person_size(take.exact.xy_px)[..., None, None]
    size = np.where(size > 0, size, np.nan)  # nobody has no size
    return ((take.seen.xy_px - take.exact.xy_px) / size)[:, :, COCO17.body]


def _a_moment_apart(take: ObservedTake, e: FloatArray) -> tuple[FloatArray, FloatArray]:
    step = max(1, round(0.1 / float(np.median(np.diff(take.exact.time_s)))))
    return e[:, :-step], e[:, step:]


def _correlation(pairs: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    product = power = 0.0
    for a, b in pairs:
        both = np.isfinite(a) & np.isfinite(b)
        product += float((a * b)[both].sum())
        power += float((a[both] ** 2 + b[both] ** 2).sum()) / 2
    return product / power


def _mean_energy(e: FloatArray, axis: int) -> FloatArray:
    """Energy of the mean over an axis, times how many went into it; of the last axis, too."""
    count = np.isfinite(e).sum(axis)
    return np.nansum(e, axis) ** 2 / np.maximum(count, 1)


def _azimuth_energy(takes: Sequence[ObservedTake], small: Sequence[FloatArray]) -> float:
    """Energy of the mean error of each joint in each bin of the azimuth."""
    bins, errors = [], []
    for take, e in zip(takes, small, strict=True):
        center = np.array([c.center for c in take.rig.cameras])
        to_camera = center[:, None] - take.walk.xyz.mean(axis=1)
        azimuth = np.arctan2(to_camera[..., 1], to_camera[..., 0]) - headings(take.walk.xyz)
        bins.append(np.nan_to_num(np.floor(azimuth / (2 * np.pi) * _AZIMUTHS)).ravel() % _AZIMUTHS)
        errors.append(e.reshape(-1, *e.shape[2:]))
    which, all_errors = np.concatenate(bins), np.concatenate(errors)
    return sum(float(_mean_energy(all_errors[which == b], axis=0).sum()) for b in range(_AZIMUTHS))
