"""From takes of a person, and all that is known besides, to a rig in metres."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gentri.data import Intrinsics, Keypoints2D, Rig
from gentri.geometry.alignment import Alignment, KnownPlaces, aligned_world
from gentri.geometry.calibration import CalibratedViews, calibrate_views
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.scale import ScaleReference, scale_of
from gentri.geometry.world import World, rig_in_world, world_on_floor

# Known places of the cameras that the rig misses by more than this share of their extent are not
# those of these cameras, or mistyped.
_MOST_MISFIT = 0.05
# What is up by the person errs by 7° at most; people who lie in the known world do not.
_MOST_TILT_DEG = 35.0


@dataclass(frozen=True, eq=False)
class Known:
    """What is known besides what the cameras saw.

    Attributes:
        lenses: by camera name.
        scale: a length; None where none is known.
        places: of the cameras, in the world wanted; None for one of the person's own.
    """

    lenses: Mapping[str, Intrinsics] = field(default_factory=dict)
    scale: ScaleReference | None = None
    places: KnownPlaces | None = None


@dataclass(frozen=True, eq=False)
class PersonRig:
    """A rig, and how it came about.

    Attributes:
        rig: metres, z up.
        found: the cameras as calibrated.
        world: of the frame that they were calibrated in.
        alignment: to known places, where there are any.
    """

    rig: Rig
    found: CalibratedViews
    world: World
    alignment: Alignment | None

    def misplaced(self) -> list[str]:
        """Why the known places are not to be trusted; empty when nothing speaks against them."""
        fit = self.alignment
        if fit is None:
            return []
        check = "check the positions, their unit (metres), axes (z up, right-handed) and names"
        said = []
        if fit.rms_m > _MOST_MISFIT * fit.extent_m:
            worst = int(fit.residual_m.argmax())
            said.append(
                f"the known camera positions miss the calibrated ones by {1e3 * fit.rms_m:.0f} mm "
                f"in {fit.extent_m:.1f} m, {fit.cameras[worst]} by "
                f"{1e3 * fit.residual_m[worst]:.0f} mm: {check}"
            )
        if fit.tilt_deg > _MOST_TILT_DEG:
            said.append(
                f"in the world of the known camera positions the person leans by "
                f"{fit.tilt_deg:.0f}°: {check}"
            )
        return said


def estimate_rig(
    takes: Sequence[Keypoints2D], options: CalibrationOptions, known: Known
) -> PersonRig:
    """Calibrate, find the scale, and put the rig into the world.

    Args:
        takes: of the same cameras; a known length of the person is that of the person in the first.
        options: of the calibration.
        known: what is given.

    Raises:
        CalibrationError, InputError: as `calibrate_views`, `scale_of` and `aligned_world`.
        UsageError: a known distance between cameras that do not exist.
    """
    found = calibrate_views(takes, options, known.lenses)
    views, names = found.views, found.cameras
    scale = None
    if known.scale is not None or known.places is None:
        own = slice(None) if known.scale is None else found.take == 0
        center = -np.einsum("cji,cj->ci", views.R, views.t)
        scale = scale_of(known.scale, names, center, found.xyz[own])
    if known.places is not None:
        alignment = aligned_world(views, names, found.xyz, known.places, scale)
        world = alignment.world
    else:
        assert scale is not None
        alignment, world = None, world_on_floor(views, found.xyz, scale)
    sizes = {n: s for take in takes for n, s in zip(take.cameras, take.size_px, strict=True)}
    size_px = np.array([sizes[name] for name in names], dtype=np.int32)
    rig = rig_in_world(views, world, names, size_px, known.lenses)
    return PersonRig(rig, found, world, alignment)
