"""Whether a rig can be trusted: good, usable or poor, with reasons that a person can act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.geometry.calibration import CalibratedViews
from gentri.geometry.trust.measures import Measures, measure
from gentri.geometry.trust.reasons import Limits, Reason, level_of, reasons
from gentri.geometry.trust.unit import wrong_unit
from gentri.geometry.vertical import has_feet

_UNKNOWN_FOCAL = 0.3  # of the logarithm: from action cameras to portrait lenses

# Principal points from the image centre, share of the width. Lenses that are 1 % off, and right
# ones, came out at 1.2 % at most; with a lens of another camera 8 % too long, or pictures of half
# the size that was said, one of the others at 1.4 to 5 %.
_OFF_CENTER: Limits = {"usable": 0.016, "poor": 0.03}


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
    m = measure(takes, rig, used, _focal_prior(rig, found), found.sigma_log_focal)
    # First: extents in metres, which others go by, mean nothing in another unit.
    said = (
        *wrong_unit(m.geometry.stature_m, rig.scale_source),
        *reasons(m),
        *_off_center(rig, found),
        *_no_floor(rig, found),
    )
    poor = any(r.level == "poor" for r in said)
    return Verdict("poor" if poor else "usable" if said else "good", said, m)


def _no_floor(rig: Rig, found: CalibratedViews) -> list[Reason]:
    """One reason where the world rests on a person whose feet were never seen."""
    if rig.world_source != "person" or has_feet(found.xyz):
        return []
    text = (
        "feet are hardly ever seen by two cameras: up comes from the trunk, and height 0 is that "
        "of the lowest joints: film the whole body where the floor matters"
    )
    return [Reason("floor", "usable", text)]


def _off_center(rig: Rig, found: CalibratedViews) -> list[Reason]:
    """One reason where a principal point that was estimated is farther off than lenses have it."""
    center = np.array([((c.width - 1) / 2, (c.height - 1) / 2) for c in rig.cameras])
    width = np.array([c.width for c in rig.cameras])
    off = np.linalg.norm(np.array([c.K[:2, 2] for c in rig.cameras]) - center, axis=-1) / width
    off = np.where([c.intrinsics_source == "given" for c in rig.cameras], 0.0, off)
    worst = int(off.argmax())
    level = level_of(float(off[worst]), _OFF_CENTER)
    if level is None:
        return []
    text = (
        f"the principal point of {rig.names[worst]} came out {100 * off[worst]:.1f} % of the "
        "picture's width off its centre, farther than in lenses: check that no picture was "
        "cropped, that the sizes of the pictures are those that people were detected in, and that "
        "lenses that were given belong to their cameras"
    )
    return [Reason("center", level, text)]


def _focal_prior(rig: Rig, found: CalibratedViews) -> FloatArray:
    """Spread of the log focal lengths to begin with, (C,); 0 where they were held.

    Where a lens came with a spread, given or of metadata, it is what the calibration made of it.
    """
    told = [c.intrinsics_source != "estimated" for c in rig.cameras]
    prior = np.where(told, found.sigma_log_focal, _UNKNOWN_FOCAL)
    return np.where(np.isnan(found.sigma_log_focal), 0.0, prior)
