"""Whether a rig can be trusted: good, usable or poor, with reasons that a person can act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.geometry.calibration import CalibratedViews
from gentri.geometry.trust.measures import Measures, measure
from gentri.geometry.trust.reasons import Reason, reasons

# Standard deviation of a log focal length. Walks through the volume stay below 0.05; on the spot it
# is 0.1 and more, and the error of the cameras' places grows with it.
_MAX_SIGMA_LOG_FOCAL = 0.05
# Median residual of a camera, milliradians; good rigs have 3 to 6.
_MAX_RESIDUAL_MRAD = 15.0
# Share of a camera's frames that contradict the other cameras.
_MAX_DROPPED = 0.25
# Rays from all cameras to the person within this angle of one line leave the depth open.
_MIN_RAY_ANGLE_DEG = 12.0

_UNKNOWN_FOCAL = 0.3  # of the logarithm: from action cameras to portrait lenses

_CHECK = "check that it ran in sync, did not move during the take, and sees the same person"


@dataclass(frozen=True, eq=False)
class Verdict:
    """The answer and what it rests on.

    Attributes:
        level: "good": nothing speaks against the rig; "usable": expect less accuracy than usual;
            "poor": not to be trusted. (A rig that cannot be had at all is a CalibrationError.)
        reasons: the gravest first; empty when good.
        measures: the figures.
    """

    level: Literal["good", "usable", "poor"]
    reasons: tuple[Reason, ...]
    measures: Measures

    @property
    def poor(self) -> list[str]:
        """Texts of the reasons that make the rig poor."""
        return [r.text for r in self.reasons if r.level == "poor"]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return {
            "level": self.level,
            "reasons": [{"kind": r.kind, "level": r.level, "text": r.text} for r in self.reasons],
            **self.measures.as_json(),
        }


def judge(takes: Sequence[Keypoints2D], rig: Rig, found: CalibratedViews) -> Verdict:
    """Test a rig against the takes that it comes from.

    Args:
        takes: of some or all cameras of the rig, in the order given to the calibration.
        rig: the calibrated cameras, metres, z up.
        found: which ticks were used, and which focal lengths were held.
    """
    used = [found.frames[found.take == k] for k in range(len(takes))]
    m = measure(takes, rig, used, _focal_prior(rig, found))
    said = tuple(reasons(m))
    poor = any(r.level == "poor" for r in said)
    return Verdict("poor" if poor else "usable" if said else "good", said, m)


def _focal_prior(rig: Rig, found: CalibratedViews) -> FloatArray:
    """What was known of the log focal lengths without the person, (C,); 0 where they were held."""
    told = [c.intrinsics_source == "metadata" for c in rig.cameras]
    prior = np.where(told, found.sigma_log_focal, _UNKNOWN_FOCAL)
    return np.where(np.isnan(found.sigma_log_focal), 0.0, prior)


def doubts(found: CalibratedViews, names: tuple[str, ...]) -> list[str]:
    """What speaks against the rig; empty when nothing does.

    Args:
        found: the calibration.
        names: of its cameras.
    """
    return [*_focal_doubts(found, names), *_residual_doubts(found, names), *_angle_doubts(found)]


def median_measured(values: FloatArray) -> float:
    """Median of what is not NaN; NaN when nothing is."""
    measured = values[np.isfinite(values)]
    return float(np.median(measured)) if len(measured) else np.nan


def _focal_doubts(found: CalibratedViews, names: tuple[str, ...]) -> list[str]:
    sigma = np.nan_to_num(found.sigma_log_focal)  # a focal length that was held is not in doubt
    worst = int(sigma.argmax())
    if sigma[worst] <= _MAX_SIGMA_LOG_FOCAL:
        return []
    return [
        f"the focal length of {names[worst]} is uncertain by {100 * sigma[worst]:.0f} %: film the "
        "person walking through the whole volume, towards and away from the cameras"
    ]


def _residual_doubts(found: CalibratedViews, names: tuple[str, ...]) -> list[str]:
    said = []
    for c, name in enumerate(names):
        residual = 1e3 * median_measured(found.residual_rad[c])
        seen = np.isfinite(found.residual_px[c]).any(-1)
        dropped = float(found.dropped[c][seen].mean()) if seen.any() else np.nan
        if np.isnan(residual):
            said.append(f"nothing that {name} saw agrees with the other cameras: {_CHECK}")
        elif residual > _MAX_RESIDUAL_MRAD:
            said.append(f"{name} disagrees with the other cameras by {residual:.0f} mrad: {_CHECK}")
        elif dropped > _MAX_DROPPED:
            said.append(
                f"{100 * dropped:.0f} % of the frames of {name} contradict the other cameras: "
                + _CHECK
            )
    return said


def _angle_doubts(found: CalibratedViews) -> list[str]:
    R, t = found.views.R, found.views.t
    center = -np.einsum("cji,cj->ci", R, t)
    person = np.nanmedian(found.xyz, axis=(0, 1))
    ray = (person - center) / np.linalg.norm(person - center, axis=-1, keepdims=True)
    sine = max(
        np.linalg.norm(np.cross(ray[a], ray[b])) for a, b in combinations(range(len(ray)), 2)
    )
    angle = float(np.degrees(np.arcsin(min(sine, 1.0))))
    if angle >= _MIN_RAY_ANGLE_DEG:
        return []
    return [
        f"all cameras look along one line within {angle:.0f}° (side by side or face to face): "
        "depth is hardly measured; set one of them up at right angles to the others"
    ]
