"""What a take cannot tell, however well everything agrees: where the person went, who looks whence.

On the spot, focal lengths trade for distances; along one line of sight, depth is free.
"""

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.scale import implied_stature
from gentri.geometry.trust.evidence import Evidence
from gentri.geometry.trust.model import Fit, Model, plain
from gentri.geometry.trust.refit import information, refit
from gentri.skeletons import BODY_JOINTS

# Detection errors of a joint stay alike for about this long (see geometry/lens.py).
CORRELATION_S = 0.6
# And whenever a person is in the same pose at the same place: joints that are as near as this (RMS)
# bring no news. The demo clip, played ten times over, would otherwise name a wrong focal length.
_SAME_POSE_M = 0.2

# A person whose hips stay within this stays on the spot. Standard deviations are then this much
# larger than the residuals say (measured: 0.6 to 5 times).
SPOT_M, _SPOT_FACTOR = 0.55, 3.0

# Standard deviation of the log of a focal length that was given for another lens or video mode.
_WRONGLY_GIVEN = 0.2

_STEPS = 12

_EXTENT = (0.03, 0.97)  # quantiles: single wrong joints do not make a cloud wide
_HIPS = [BODY_JOINTS.index(f"{side}_hip") for side in ("left", "right")]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the person went and how the cameras look at it.

    Attributes:
        roam_m: (2,) extents of the way of the hips on the floor, longest first.
        cloud_m: (3,) principal extents of all joints, largest first.
        ray_angle_deg: largest angle between two cameras' lines of sight to the person, 0 to 90.
        stature_m: how tall the person is by the scale of the rig; NaN when hardly seen.
    """

    roam_m: FloatArray
    cloud_m: FloatArray
    ray_angle_deg: float
    stature_m: float

    @property
    def on_the_spot(self) -> bool:
        """Whether the person stayed in one place."""
        return bool(self.roam_m[0] < SPOT_M)


def geometry(R: FloatArray, t: FloatArray, xyz: FloatArray) -> Geometry:
    """Of cameras R (C, 3, 3), t (C, 3) and joints (F, 12, 3), metres, z up; NaN where unknown."""
    hips = xyz[:, _HIPS].mean(1)
    body = xyz.reshape(-1, 3)
    center = -np.einsum("cji,cj->ci", R, t)
    middle = np.nanmedian(hips, axis=0)
    ray = middle - center
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    sine = max(np.linalg.norm(np.cross(ray[a], ray[b])) for a, b in combinations(range(len(R)), 2))
    return Geometry(
        roam_m=principal_extents(hips[:, :2]),
        cloud_m=principal_extents(body),
        ray_angle_deg=float(np.degrees(np.arcsin(min(sine, 1.0)))),
        stature_m=implied_stature(xyz),
    )


def principal_extents(points: FloatArray) -> FloatArray:
    """Extents (D,) of points (N, D) along their principal axes, largest first; NaN rows ignored."""
    points = points[np.isfinite(points).all(-1)]
    if len(points) < 2:
        return np.zeros(points.shape[-1])
    points = points - np.median(points, axis=0)
    _, _, axes = np.linalg.svd(points, full_matrices=False)
    low, high = np.quantile(points @ axes.T, _EXTENT, axis=0)
    return np.sort(high - low)[::-1]


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Standard deviations with errors that last counted once.

    Attributes:
        log_focal: (C,) where cameras of one focal length are known to be alike; NaN where held.
        log_focal_calibrated: (C,) the same as the calibration has it, bones included, and errors
            that last as its residuals show; NaN where held or not known.
        log_focal_alone: (C,) where they are not, and nothing that was given counts.
        asks: (C,) by how much the log focal length of a camera changes when those that were
            estimated as one may differ, and those given may be wrong; 0 for others.
        asks_gain: fall of the log cost by that, in shares of one camera.
        baseline: largest of a baseline over its cameras' distance to the person.
    """

    log_focal: FloatArray
    log_focal_calibrated: FloatArray
    log_focal_alone: FloatArray
    asks: FloatArray
    asks_gain: float
    baseline: float

    @property
    def log_focal_at_most(self) -> FloatArray:
        """The larger of the two, (C,); NaN where held."""
        return np.fmax(self.log_focal, self.log_focal_calibrated)


def uncertainty(
    seen: Evidence,
    fit: Fit,
    focal_px: FloatArray,
    prior: FloatArray,
    calibrated: FloatArray,
    on_the_spot: bool,
) -> Uncertainty:
    """From the curvature of the adjustment.

    Args:
        seen: moments.
        fit: the rig adjusted to them.
        focal_px: (C,); equal ones were estimated as one.
        prior: (C,) standard deviation of the log focal lengths before; 0 where they were held.
        calibrated: (C,) the same as the calibration has it; NaN where held or not known.
        on_the_spot: the person stayed in one place: a detector's constant errors then neither
            average out nor show in the residuals.
    """
    moments = 0.0
    for k in np.unique(seen.take):
        mine = seen.take == k
        apart = min(mine.sum(), 1 + float(np.ptp(seen.time_s[mine])) / CORRELATION_S)
        # The factor of a person on the spot covers poses that come again.
        moments += apart if on_the_spot else min(apart, distinct_poses(fit.xyz[mine]))
    variance = fit.cost / 2
    if on_the_spot:
        variance = _SPOT_FACTOR**2 * max(variance, 1.0)
    # What the joints take up of the residuals is left out: the limits of the verdict are set so.
    inflation = variance * len(seen.take) / moments
    _, group = np.unique(focal_px, return_inverse=True)
    together, baseline = _sigmas(seen, fit, _numbered(group, prior), prior, inflation)
    wide = np.where(prior == 0, _WRONGLY_GIVEN, prior)
    alone, _ = _sigmas(seen, fit, np.arange(len(focal_px)), wide, inflation / _left_free(seen))
    doubted = (prior == 0) | (np.bincount(group)[group] > 1)
    return Uncertainty(together, calibrated, alone, *_asks(seen, fit, doubted, wide), baseline)


def _left_free(seen: Evidence) -> float:
    """Share of the observed numbers that the joints do not take up, 0 to 1."""
    views = seen.seen.sum(0)
    twice = views >= 2
    return 1 - 1.5 * float(twice.sum()) / float(views[twice].sum())


def _asks(
    seen: Evidence, fit: Fit, doubted: NDArray[np.bool_], prior: FloatArray
) -> tuple[FloatArray, float]:
    """Changes (C,) of doubted focal lengths when all may change, and the gain."""
    if not doubted.any():
        return np.zeros(len(doubted)), 0.0
    base = plain(seen)
    free = Model(base.station, base.clock, np.arange(len(doubted)), prior)
    freed = refit(seen, free, replace(fit, log_scale=np.zeros(free.scales)), _STEPS)
    gain = 0.5 * len(doubted) * np.log(fit.cost / freed.cost)
    return np.where(doubted, freed.log_scale, 0.0), float(gain)


def _numbered(group: NDArray[np.int64], prior: FloatArray) -> NDArray[np.int64]:
    """Groups of free cameras from 0 on, −1 for the others."""
    free = np.unique(group[prior > 0])
    return np.where(prior == 0, -1, np.searchsorted(free, group)).astype(np.int64)


def _sigmas(
    seen: Evidence, fit: Fit, focal: NDArray[np.int64], prior: FloatArray, inflation: float
) -> tuple[FloatArray, float]:
    base = plain(seen)
    least = np.array([prior[focal == g].min() for g in range(focal.max() + 1)])
    # The covariance is inflated as a whole; the prior is as wide as it says.
    model = Model(base.station, base.clock, focal, least * np.sqrt(1 / inflation))
    start = replace(fit, log_scale=np.zeros(model.scales))
    S, middle = information(seen, model, start)
    covariance = inflation * np.linalg.pinv(S, rcond=1e-9, hermitian=True)
    first = 6 * model.stations
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0))[first : first + model.scales]
    log_focal = np.where(focal >= 0, np.append(sigma, np.nan)[focal], np.nan)
    slopes = baseline_slopes(fit, middle)
    return log_focal, float(np.sqrt(np.einsum("ip,pq,iq->i", slopes, covariance, slopes).max()))


def distinct_poses(xyz: FloatArray) -> int:
    """Poses among joints (F, 12, 3), metres, 0 where unknown, that are like no earlier one."""
    known = (xyz != 0).any(-1)
    left = np.arange(len(xyz))
    count = 0
    while len(left):
        count += 1
        both = known[left] & known[left[0]]
        square = np.where(both, np.square(xyz[left] - xyz[left[0]]).sum(-1), 0.0).sum(-1)
        new = square >= _SAME_POSE_M**2 * both.sum(-1)
        new[0] = False
        left = left[new]
    return count


def baseline_slopes(fit: Fit, middle: FloatArray) -> FloatArray:
    """Derivatives (C(C−1)/2, P) of baseline over mean distance to the person."""
    cameras, P = len(fit.R), middle.shape[1]
    center = -np.einsum("cji,cj->ci", fit.R, fit.t)
    by_center = np.zeros((cameras, 3, P))
    for c, (R, t) in enumerate(zip(fit.R, fit.t, strict=True)):
        # C = −R'ᵀ t' with R' = exp([w]×) R: dC = Rᵀ (w × t) − Rᵀ dt
        cross = np.cross(np.eye(3), t).T  # columns e_i × t
        by_center[c, :, 6 * c : 6 * c + 3] = R.T @ cross
        by_center[c, :, 6 * c + 3 : 6 * c + 6] = -R.T
    known = fit.xyz[(fit.xyz != 0).any(-1)]
    away = center - known.mean(0)
    distance = np.linalg.norm(away, axis=-1)
    by_distance = np.einsum("ci,cip->cp", away / distance[:, None], by_center - middle)
    slopes = []
    for a, b in combinations(range(cameras), 2):
        d = center[a] - center[b]
        length, mean = np.linalg.norm(d), (distance[a] + distance[b]) / 2
        by_length = d / length @ (by_center[a] - by_center[b])
        slopes.append(by_length / mean - length / mean**2 * (by_distance[a] + by_distance[b]) / 2)
    return np.array(slopes)
