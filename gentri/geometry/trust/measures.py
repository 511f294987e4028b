"""Everything that is measured on a finished rig, in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D, Rig, median_measured
from gentri.geometry.trust.coverage import Coverage, coverage
from gentri.geometry.trust.degeneracy import Geometry, Uncertainty, geometry, uncertainty
from gentri.geometry.trust.evidence import Evidence, Tracks, joints, unswapped
from gentri.geometry.trust.held_out import Prediction, predict
from gentri.geometry.trust.knocked import Knock, knocked
from gentri.geometry.trust.model import plain
from gentri.geometry.trust.refit import begin, refit
from gentri.geometry.trust.time_shift import Clocks, clocks

_STEPS = 10  # of the adjustment to the moments looked at
_BETWEEN = 0.1  # share of a take's moments before a change, below which it came before the take


@dataclass(frozen=True, eq=False)
class Measures:
    """Of C cameras in K takes.

    Attributes:
        cameras: names.
        focal_px: (C,).
        held: (C,) whose focal lengths were given.
        held_out: whether the moments looked at were not used for the rig.
        moments: how many.
        together, alone: (C,) median errors of prediction, radians; see `Prediction`.
        relative: (C,) median of `together` in errors that a detector is expected to make.
        contradicting: (C,) share of the camera's moments far from what the others say.
        clocks, knock, geometry, uncertainty, coverage: see there.
        knock_at: take and time, seconds, of the first moment after the knock; NaN where hardly a
            moment of a later take comes before it: the camera was another one in the take before.
    """

    cameras: tuple[str, ...]
    focal_px: FloatArray
    held: NDArray[np.bool_]
    held_out: bool
    moments: int
    together: FloatArray
    alone: FloatArray
    relative: FloatArray
    contradicting: FloatArray
    clocks: Clocks
    knock: Knock | None
    knock_at: tuple[int, float]
    geometry: Geometry
    uncertainty: Uncertainty
    coverage: Coverage

    def as_json(self) -> dict[str, Any]:
        """Plain figures; None where not measured."""
        by_camera = {
            "held_out_px": _listed(self.together * self.focal_px, 2),
            "held_out_mrad": _listed(1e3 * self.together, 2),
            "left_out_px": _listed(self.alone * self.focal_px, 2),
            "left_out_mrad": _listed(1e3 * self.alone, 2),
            "contradicting_percent": _listed(100 * self.contradicting, 1),
            "focal_sigma_percent": _listed(100 * self.uncertainty.log_focal_at_most, 2),
            "focal_asks_percent": _listed(100 * np.expm1(self.uncertainty.asks), 2),
            "image_covered_percent": _listed(100 * self.coverage.image, 1),
            "time_shared_percent": _listed(100 * self.coverage.time, 1),
        }
        late = self.clocks.late_s
        return {
            "moments": self.moments,
            "held_out": self.held_out,
            "cameras": {
                name: {figure: values[c] for figure, values in by_camera.items()}
                | {"late_s": _listed(late[:, c], 4)}
                for c, name in enumerate(self.cameras)
            },
            "clock_gain": round(self.clocks.gain, 4),
            "clock_left_over": _listed(self.clocks.left_over, 2),
            "knock": self._knock(),
            "baseline_sigma_percent": _listed([100 * self.uncertainty.baseline], 2)[0],
            "roam_m": _listed(self.geometry.roam_m, 2),
            "cloud_m": _listed(self.geometry.cloud_m, 2),
            "ray_angle_deg": round(self.geometry.ray_angle_deg, 1),
            "stature_m": _listed([self.geometry.stature_m], 3)[0],
            "common_s": round(self.coverage.common_s, 2),
        }

    def _knock(self) -> dict[str, Any] | None:
        if self.knock is None:
            return None
        return {
            "camera": self.cameras[self.knock.camera],
            "take": self.knock_at[0],
            "time_s": _listed([self.knock_at[1]], 2)[0],
            "angle_deg": round(self.knock.angle_deg, 2),
            "distance_m": round(self.knock.distance_m, 3),
            "gain": round(self.knock.gain, 4),
            "left_over": round(self.knock.left_over, 2),
        }


def measure(
    takes: Sequence[Keypoints2D],
    rig: Rig,
    used: Sequence[NDArray[np.int64]],
    focal_prior: FloatArray,
    focal_sigma: FloatArray,
) -> Measures:
    """Look at the takes through the lenses of the rig.

    Args:
        takes: of some or all cameras of the rig.
        rig: metres, z up.
        used: per take, the ticks that the rig was estimated from.
        focal_prior: (C,) standard deviation of the log focal lengths before the calibration; 0
            where they were held.
        focal_sigma: (C,) the same after it; NaN where they were held or that is not known.
    """
    R, t = (np.stack([getattr(c.cam_from_world, part) for c in rig.cameras]) for part in ("R", "t"))
    tracks = Tracks(takes, rig)
    seen = unswapped(tracks.gather(used), R, t)
    prediction = predict(seen, R, t)
    model = plain(seen)
    null = refit(seen, model, begin(seen, model, R, t), _STEPS)
    knock = knocked(seen, null, prediction.others)
    shape = geometry(R, t, joints(seen, R, t))
    return Measures(
        cameras=rig.names,
        focal_px=tracks.focal_px,
        held=focal_prior == 0,
        held_out=seen.held_out,
        moments=len(seen.take),
        together=_medians(prediction.together),
        alone=_medians(prediction.alone),
        relative=_medians(prediction.together / seen.sigma),
        contradicting=_contradicting(prediction),
        clocks=clocks(tracks, seen, null),
        knock=knock,
        knock_at=_when(seen, 0 if knock is None else knock.moment),
        geometry=shape,
        uncertainty=uncertainty(
            seen, null, tracks.focal_px, focal_prior, focal_sigma, shape.on_the_spot
        ),
        coverage=coverage(list(takes), rig.names),
    )


def _when(seen: Evidence, moment: int) -> tuple[int, float]:
    """Take and time of a change, as in `Measures.knock_at`."""
    take = int(seen.take[moment])
    mine = np.flatnonzero(seen.take == take)
    between = take > 0 and (mine < moment).sum() < _BETWEEN * len(mine)
    return take, np.nan if between else float(seen.time_s[moment])


def _contradicting(prediction: Prediction) -> FloatArray:
    told = prediction.told.sum(-1)
    return (prediction.contradicts & prediction.told).sum(-1) / np.maximum(told, 1)


def _medians(values: FloatArray) -> FloatArray:
    """Median of what is not NaN of each camera, (C,); NaN where nothing is."""
    return np.array([median_measured(v) for v in values])


def _listed(values: Sequence[float] | FloatArray, digits: int) -> list[float | None]:
    """For JSON, which has no NaN."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]
