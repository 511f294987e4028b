"""Lens models: which intrinsics are free and shared, and the model that the images call for."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.adjustment_problem import Observations, Priors, held
from gentri.geometry.bundle import FINE, Adjusted, adjust
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.projection import Views, project_views
from gentri.geometry.sample import BONES, Sample

# Cameras whose shorter sides differ by less than this (log) probably have one lens and sensor.
_SAME_MODEL = 0.05

_CLIPPED = 3.0  # sigmas: one gross error does not speak for a joint and a view

_WARM_UP, _ITERATIONS = 20, 60


@dataclass(frozen=True)
class Lens:
    """A lens model.

    Attributes:
        shared: one focal length and distortion for all cameras of a model, or one each.
        radial: terms of radial distortion: 0, k1, or k1 and k2.
        shifted: principal points near the image centres, or on them.
    """

    shared: bool
    radial: int
    shifted: bool


# What the search for a start assumes.
PLAIN = Lens(shared=True, radial=0, shifted=False)


def camera_models(sample: Sample, everywhere: bool = False) -> NDArray[np.int64]:
    """Cameras (C,) with one number probably have one lens: those of (almost) one image size.

    Cameras whose lens is known in any way stand alone.

    Args:
        sample: the cameras.
        everywhere: the user says that all have one lens, as a multiple of the image size.
    """
    log_side = np.log(sample.lenses.short_side)
    order = np.argsort(log_side, kind="stable")
    model = np.empty(len(order), dtype=np.int64)
    model[order] = np.cumsum(np.diff(log_side[order], prepend=log_side[order[0]]) >= _SAME_MODEL)
    if everywhere:
        model[:] = 0
    known = np.flatnonzero(~sample.lenses.unknown)
    model[known] = len(model) + known
    return np.unique(model, return_inverse=True)[1].ravel()


def focal_unit(sample: Sample) -> FloatArray:
    """Pixels that focal multiples refer to, (C,): alike for cameras of (almost) one image size."""
    side, model = sample.lenses.short_side, camera_models(sample)
    return np.array([side[model == m].mean() for m in model])


def lens_priors(
    sample: Sample, options: CalibrationOptions, lens: Lens, strength: float = 1.0
) -> Priors:
    """Priors of a lens model.

    Args:
        sample: cameras, and what is known of them.
        options: spreads of what is not known.
        lens: the model.
        strength: by how much the adjustment overrates the frames, see `overrating`.
    """
    lenses, cameras = sample.lenses, len(sample.cameras)
    shared = lens.shared and options.focal_sharing != "camera"
    everywhere = options.focal_sharing == "shared"
    group = camera_models(sample, everywhere) if shared else np.arange(cameras)
    weaker = 1 / np.sqrt(strength)
    focal = np.where(lenses.unknown, options.focal_prior * lenses.short_side, lenses.focal_px)
    sigma = np.where(lenses.unknown, options.focal_sigma, lenses.focal_sigma)
    free = ~lenses.undone
    center = options.center_sigma * lenses.size_px[:, 0] * (free & lens.shifted)
    bent = options.distortion_sigma * free
    return Priors(
        log_focal=np.log(focal),
        sigma_log_focal=sigma * weaker,
        lens_group=group,
        center_px=lenses.center_px,
        sigma_center_px=center * weaker,
        sigma_k1=bent * weaker * (lens.radial > 0),
        sigma_k2=bent * weaker * (lens.radial > 1),
        sigma_bone=options.bone_sigma,
    )


def overrating(sample: Sample, adjusted: Adjusted) -> float:
    """By how much an adjustment overrates its frames, as a ratio of variances.

    It takes their errors for independent and as large as expected.
    """
    return adjusted.cost * lasting(sample, adjusted.views, adjusted.xyz, slice(None))


def lasting(sample: Sample, views: Views, xyz: FloatArray, joints: slice) -> float:
    """For how many frames the errors of some joints last: 1 when they are new in every frame.

    Errors of real detections stay with a joint and a view. The variance of their mean over F frames
    is then more than 1/F of that of one frame, by this factor: the ratio of the long-run to the
    short-run variance of a time series.

    Args:
        sample: the detections.
        views: adjusted cameras.
        xyz: (F, J, 3) adjusted joints.
        joints: which of the J.
    """
    uv, _ = project_views(views, xyz)
    r = np.clip((uv - sample.xy_px) / sample.sigma_px[..., None], -_CLIPPED, _CLIPPED)
    r = np.where((sample.seen & sample.twice_seen)[..., None], r, 0.0)[:, :, joints]
    long_run = sum(
        float((r[:, sample.take == number].sum(axis=1) ** 2).sum())
        for number in range(sample.takes)
    )
    return max(1.0, long_run / max(float((r**2).sum()), 1e-300))


def observations(sample: Sample) -> Observations:
    """What the adjustment may use: joints that two views see."""
    weight = np.where(sample.twice_seen, sample.weight, 0.0)
    _, take = np.unique(sample.take, return_inverse=True)  # those that have frames
    return Observations(sample.xy_px, sample.sigma_px, weight, BONES, take.ravel())


def warm_up(
    sample: Sample,
    views: Views,
    xyz: FloatArray,
    options: CalibrationOptions,
    converged: float = FINE,
) -> Adjusted:
    """Bundle adjustment of poses and joints (F, J, 3) alone, from a rough start."""
    poses_only = held(lens_priors(sample, options, PLAIN))
    return adjust(observations(sample), views, xyz, poses_only, _WARM_UP, converged)


def refine(
    sample: Sample,
    start: Adjusted,
    options: CalibrationOptions,
    lens: Lens,
    strength: float | None = None,
    converged: float = FINE,
) -> Adjusted:
    """Bundle adjustment with a lens model, from cameras and joints already adjusted.

    Args:
        sample: the detections.
        start: what to begin with.
        options: priors.
        lens: the model.
        strength: of the priors, see `overrating`; that of the start by default.
        converged: see `adjust`.
    """
    priors = lens_priors(sample, options, lens, strength or overrating(sample, start))
    views, unit = start.views, focal_unit(sample)
    multiple = np.log(views.focal / unit)  # one for each group; the adjustment then keeps it one
    mean = [multiple[priors.lens_group == g].mean() for g in priors.lens_group]
    free = priors.sigma_log_focal > 0
    views = replace(
        views,
        focal=np.where(free, unit * np.exp(mean), views.focal),
        center=np.where(priors.sigma_center_px[:, None] > 0, views.center, priors.center_px),
        k=views.k * (np.stack([priors.sigma_k1, priors.sigma_k2], axis=-1) > 0),
    )
    return adjust(observations(sample), views, start.xyz, priors, _ITERATIONS, converged)
