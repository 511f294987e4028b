"""First cameras without any known focal length: a rig for each of several, the best one kept."""

import numpy as np

from gentri.data import FloatArray
from gentri.errors import CalibrationError
from gentri.geometry.bundle import COARSE, Adjusted
from gentri.geometry.epipolar import TwoViewSolver
from gentri.geometry.lens import PLAIN, focal_unit, refine, warm_up
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.projection import Views
from gentri.geometry.reprojection import filled
from gentri.geometry.rig_start import Joints, RigStart, start_rig
from gentri.geometry.sample import JOINT_SIGMA, MIRROR, Sample

# Focal lengths tried, multiples of the shorter image side: action camera, phone, portrait or
# telephoto lens.
_MULTIPLES = (0.8, 1.2, 1.8)

# Inlier threshold of the two-view and resection steps, share of the person's box diagonal.
_THRESHOLD = 0.015


def search_focal(sample: Sample, options: CalibrationOptions, solver: TwoViewSolver) -> Views:
    """The start of lowest cost, adjusted with straight lenses.

    Args:
        sample: few frames do.
        options: priors and seed.
        solver: of pairs of cameras.

    Raises:
        CalibrationError: cameras that cannot be connected at any focal length.
    """
    sample = sample.body
    starts = [(_start(sample, f, options.seed, solver), f) for f in _focal_lengths(sample)]
    _refuse_unconnected(sample.cameras, [start for start, _ in starts if start is not None])
    fits = [
        _adjusted(sample, start, focal, options)
        for start, focal in starts
        if start is not None and start.placed.all()
    ]
    return min(fits, key=lambda f: f.cost).views


def _focal_lengths(sample: Sample) -> list[FloatArray]:
    """Focal lengths (C,) px to start from: what is known, and several for what is not."""
    lenses = sample.lenses
    if not lenses.unknown.any():
        return [lenses.focal_px]
    unit = focal_unit(sample)
    return [np.where(lenses.unknown, m * unit, lenses.focal_px) for m in _MULTIPLES]


def _start(sample: Sample, focal: FloatArray, seed: int, solver: TwoViewSolver) -> RigStart | None:
    center = sample.lenses.center_px
    xy = (sample.xy_px - center[:, None, None]) / focal[:, None, None, None]
    xy[~sample.seen] = np.nan
    size = sample.sigma_px[..., 0] / JOINT_SIGMA / focal[:, None]
    threshold = _THRESHOLD * float(np.median(size))
    return start_rig(Joints(xy, sample.weight, threshold, MIRROR, seed), solver)


def _adjusted(
    sample: Sample, start: RigStart, focal: FloatArray, options: CalibrationOptions
) -> Adjusted:
    labelled = sample.relabelled(start.swapped)
    R, t, xyz = _normalised(start)
    views = Views(R, t, focal, sample.lenses.center_px, np.zeros((len(R), 2)))
    posed = warm_up(labelled, views, xyz, options, COARSE)
    return refine(labelled, posed, options, PLAIN, converged=COARSE)


def _normalised(start: RigStart) -> tuple[FloatArray, FloatArray, FloatArray]:
    """R, t and joints: first camera at the origin, cameras at mean distance 1 from the person."""
    center = -np.einsum("cji,cj->ci", start.R, start.t)
    middle = np.nanmedian(start.xyz, axis=(0, 1))
    scale = 1 / np.linalg.norm(center - middle, axis=-1).mean()
    R = start.R @ start.R[0].T
    t = (start.t - R @ start.t[0]) * scale
    xyz = (start.xyz @ start.R[0].T + start.t[0]) * scale
    return R, t, filled(xyz)


def _refuse_unconnected(names: tuple[str, ...], starts: list[RigStart]) -> None:
    if any(s.placed.all() for s in starts):
        return
    if not starts:
        raise CalibrationError(
            "no two cameras agree on how the person moves",
            "check that the videos are of one take, synchronised, and that the person moves",
        )
    best = max(starts, key=lambda s: int(s.placed.sum()))
    lost = [n for n, placed in zip(names, best.placed, strict=True) if not placed]
    raise CalibrationError(
        f"no position was found for {', '.join(lost)}: "
        "it sees too little of the person together with the others",
        "leave this camera out, or film again with the person walking where its view overlaps "
        "the others",
    )
