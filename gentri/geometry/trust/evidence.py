"""What the cameras saw at moments spread over the takes, as rays that can be read at shifted times.

The tests of a rig look at the same few hundred moments however long the takes are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.geometry.cameras import undistort
from gentri.geometry.sample import JOINT_SIGMA, MIRROR, box_diagonal
from gentri.geometry.triangulation import triangulate
from gentri.geometry.two_view import prefers_exchange
from gentri.skeletons import BODY_JOINTS

# View-frames looked at: bounds the cost for many cameras. Fewer than the least tell too little.
_VIEW_FRAMES, _MOST_FRAMES, _LEAST_FRAMES = 1600, 240, 60
_MIN_JOINTS = len(BODY_JOINTS) // 2

# Neighbouring ticks further apart than this are not interpolated between.
_LONGEST_GAP_S = 0.25
_ON_A_TICK = 1e-6  # of a gap
# Velocities are read over this time to either side: shorter ones are mostly detection noise.
_VELOCITY_S = 0.1

# Sides of a whole person are exchanged in a view-frame when that fits better by far.
_SWAP_TRUNCATION = 4.0  # sigmas


@dataclass(frozen=True, eq=False)
class Evidence:
    """Body joints of one person at F moments in C views, by take and time.

    Attributes:
        take: (F,) index of the take; ascending.
        time_s: (F,) in its take; ascending within one.
        xy: (C, F, 12, 2) undistorted normalised coordinates; NaN where not seen.
        velocity: (C, F, 12, 2) of xy per second; 0 where unknown.
        weight: (C, F, 12) squared score; 0 where not seen.
        sigma: (C, F, 12) expected error of xy.
        held_out: whether the rig was estimated without these moments.
    """

    take: NDArray[np.int64]
    time_s: FloatArray
    xy: FloatArray
    velocity: FloatArray
    weight: FloatArray
    sigma: FloatArray
    held_out: bool

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(C, F, 12)."""
        return self.weight > 0

    def only(self, frames: NDArray[np.bool_] | NDArray[np.int64]) -> "Evidence":
        """Some of the moments."""
        return replace(
            self,
            take=self.take[frames],
            time_s=self.time_s[frames],
            xy=self.xy[:, frames],
            velocity=self.velocity[:, frames],
            weight=self.weight[:, frames],
            sigma=self.sigma[:, frames],
        )

    def of(self, cameras: list[int]) -> "Evidence":
        """Some of the cameras."""
        return replace(
            self,
            xy=self.xy[cameras],
            velocity=self.velocity[cameras],
            weight=self.weight[cameras],
            sigma=self.sigma[cameras],
        )


class Tracks:
    """The takes, read at any time through the lenses of a rig."""

    def __init__(self, takes: Sequence[Keypoints2D], rig: Rig) -> None:
        """Takes of some or all cameras of the rig, matched by name."""
        self.takes, self.rig = takes, rig
        self.focal_px = np.array([c.K[0, 0] for c in rig.cameras])

    def gather(self, used: Sequence[NDArray[np.int64]]) -> Evidence:
        """Moments that two views share, held out of the fit where enough are.

        Args:
            used: per take, the ticks that the rig was estimated from.
        """
        most = int(np.clip(_VIEW_FRAMES // len(self.rig.cameras), _LEAST_FRAMES, _MOST_FRAMES))
        common = [_common_ticks(take) for take in self.takes]
        fresh = [np.setdiff1d(c, u) for c, u in zip(common, used, strict=True)]
        held_out = sum(map(len, fresh)) >= _LEAST_FRAMES
        pool = fresh if held_out else common
        take = np.repeat(np.arange(len(pool)), [len(p) for p in pool])
        tick = np.concatenate(pool).astype(np.int64)
        pick = np.unique(np.linspace(0, len(tick) - 1, most).astype(int))
        take, tick = take[pick], tick[pick]
        time_s = np.array([self.takes[k].time_s[i] for k, i in zip(take, tick, strict=True)])
        shift = np.zeros((len(self.rig.cameras), len(take)))
        return self.read(take, time_s, shift, held_out)

    def read(
        self, take: NDArray[np.int64], time_s: FloatArray, shift_s: FloatArray, held_out: bool
    ) -> Evidence:
        """What each camera saw at its own time, `time_s` (F,) + `shift_s` (C, F)."""
        px, score = self._at(take, time_s + shift_s)
        xy = self._rays(px)
        before, after = (
            self._rays(self._at(take, time_s + shift_s + s)[0]) for s in (-_VELOCITY_S, _VELOCITY_S)
        )
        size = box_diagonal(px) / self.focal_px[:, None]
        hips = np.array([1.4 if "hip" in j else 1.0 for j in BODY_JOINTS])
        return Evidence(
            take=take,
            time_s=time_s,
            xy=xy,
            velocity=np.nan_to_num((after - before) / (2 * _VELOCITY_S)),
            weight=np.where(np.isfinite(xy[..., 0]), np.nan_to_num(score) ** 2, 0.0),
            sigma=JOINT_SIGMA * size[..., None] * hips,
            held_out=held_out,
        )

    def _rays(self, px: FloatArray) -> FloatArray:
        return np.stack([undistort(c, xy) for c, xy in zip(self.rig.cameras, px, strict=True)])

    def _at(self, take: NDArray[np.int64], time_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Pixels (C, F, 12, 2) and scores (C, F, 12) at times (C, F), between ticks linearly."""
        cameras, frames = time_s.shape
        px = np.full((cameras, frames, len(BODY_JOINTS), 2), np.nan)
        score = np.full(px.shape[:-1], np.nan)
        for k, keypoints in enumerate(self.takes):
            of_take = np.flatnonzero(take == k)
            for own, name in enumerate(keypoints.cameras):
                c = self.rig.names.index(name)
                if len(of_take):
                    px[c, of_take], score[c, of_take] = _read(keypoints, own, time_s[c, of_take])
        px[~(score > 0)] = np.nan
        return px, score


def unswapped(seen: Evidence, R: FloatArray, t: FloatArray) -> Evidence:
    """Sides exchanged back in the view-frames that then agree far better with the others."""

    def errors(e: Evidence, xyz: FloatArray) -> FloatArray:
        miss = np.linalg.norm(reprojected(R, t, xyz) - e.xy, axis=-1) / e.sigma
        return np.nansum(np.minimum(miss / _SWAP_TRUNCATION, 1.0), axis=-1)

    mirrored = _mirrored(seen)
    swapped = np.zeros(seen.xy.shape[:2], dtype=bool)
    for _ in range(2):
        labelled = _choose(seen, mirrored, swapped)
        xyz = joints(labelled, R, t)
        swapped = swapped ^ prefers_exchange(
            errors(labelled, xyz), errors(_mirrored(labelled), xyz)
        )
    return _choose(seen, mirrored, swapped)


def joints(seen: Evidence, R: FloatArray, t: FloatArray) -> FloatArray:
    """Joints (F, 12, 3) as all views see them; NaN where fewer than two do."""
    return triangulate(seen.xy, seen.weight, R, t, 2 * float(np.nanmedian(seen.sigma)))


def reprojected(R: FloatArray, t: FloatArray, xyz: FloatArray) -> FloatArray:
    """Normalised coordinates (C, F, J, 2) of joints (F, J, 3); NaN behind a camera."""
    Y = np.einsum("cij,fkj->cfki", R, xyz) + t[:, None, None]
    return Y[..., :2] / np.where(Y[..., 2:] > 1e-6, Y[..., 2:], np.nan)


def _mirrored(seen: Evidence) -> Evidence:
    return replace(
        seen,
        xy=seen.xy[:, :, MIRROR],
        velocity=seen.velocity[:, :, MIRROR],
        weight=seen.weight[:, :, MIRROR],
    )


def _choose(a: Evidence, b: Evidence, second: NDArray[np.bool_]) -> Evidence:
    """View-frames of `b` where `second` (C, F) says so, else of `a`."""
    return replace(
        a,
        xy=np.where(second[..., None, None], b.xy, a.xy),
        velocity=np.where(second[..., None, None], b.velocity, a.velocity),
        weight=np.where(second[..., None], b.weight, a.weight),
    )


def _common_ticks(take: Keypoints2D) -> NDArray[np.int64]:
    """Ticks at which two views see half of the body."""
    columns = take.skeleton.body
    seen = np.isfinite(take.xy_px[..., 0]) & (take.score > 0)
    return np.flatnonzero((seen[:, :, columns].sum(0) >= 2).sum(-1) >= _MIN_JOINTS)


def _read(keypoints: Keypoints2D, camera: int, time_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pixels (F, 12, 2) and scores (F, 12) of one camera at times (F,), linear between ticks."""
    ticks = keypoints.time_s
    left = np.clip(np.searchsorted(ticks, time_s, "right") - 1, 0, max(len(ticks) - 2, 0))
    right = np.minimum(left + 1, len(ticks) - 1)
    gap = ticks[right] - ticks[left]
    share = (time_s - ticks[left]) / np.maximum(gap, 1e-9)
    unknown = (share < -_ON_A_TICK) | (share > 1 + _ON_A_TICK)
    unknown |= (gap > _LONGEST_GAP_S) & (share > _ON_A_TICK) & (share < 1 - _ON_A_TICK)
    columns = keypoints.skeleton.body

    def between(stored: FloatArray) -> FloatArray:
        a, b = (stored[camera, i][:, columns].astype(np.float64) for i in (left, right))
        part = share.reshape(-1, *(1,) * (a.ndim - 1))
        # At a tick itself, its neighbour may be unknown.
        value = np.where(
            part < _ON_A_TICK, a, np.where(part > 1 - _ON_A_TICK, b, a + part * (b - a))
        )
        value[unknown] = np.nan
        return value

    return between(keypoints.xy_px), between(keypoints.score)
