"""Lens models: which intrinsics are free and shared, and the model that the images call for."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from gentri.data import FloatArray
from gentri.geometry.adjustment_problem import Observations, Priors, held
from gentri.geometry.bundle import Adjusted, adjust
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.projection import Views
from gentri.geometry.sample import BONES, Sample

# Cameras whose shorter sides differ by less than this (log) probably have one lens and sensor.
_SAME_MODEL = 0.05

# Detection errors of one joint in one view stay alike for about this long: a part of them is gone
# after 0.4 s (correlation 0.79 at 0.1 s), a quarter of their energy stays for the whole take.
_CORRELATION_S = 0.6

_WARM_UP, _ITERATIONS = 20, 60


@dataclass(frozen=True)
class Lens:
    """A lens model.

    Attributes:
        shared: one focal length (and k1) for all cameras, or one each.
        bent: with radial distortion k1, or straight.
    """

    shared: bool
    bent: bool

    def parameters(self, cameras: int) -> int:
        """How many numbers describe the lenses of so many cameras."""
        return (1 if self.shared else cameras) * (2 if self.bent else 1)


def same_camera_model(sample: Sample) -> bool:
    """Whether the cameras have (almost) one image size."""
    return bool(np.ptp(np.log(sample.short_side)) < _SAME_MODEL)


def focal_unit(sample: Sample) -> FloatArray:
    """Pixels that focal multiples refer to, (C,): alike for cameras of (almost) one image size."""
    side = sample.short_side
    return np.full_like(side, side.mean()) if same_camera_model(sample) else side


def lens_priors(sample: Sample, options: CalibrationOptions, lens: Lens) -> Priors:
    """Priors of a lens model; principal points are held at the image centres."""
    cameras = len(sample.short_side)
    group = np.zeros(cameras, dtype=np.int64) if lens.shared else np.arange(cameras)
    return Priors(
        log_focal=np.log(options.focal_prior * sample.short_side),
        sigma_log_focal=np.full(cameras, options.focal_sigma),
        lens_group=group,
        center_px=sample.center_px,
        sigma_center_px=np.zeros(cameras),
        sigma_k1=options.distortion_sigma if lens.bent else 0.0,
        sigma_bone=options.bone_sigma,
    )


def independent_moments(sample: Sample) -> float:
    """How many frames with independent errors tell as much as the F frames of the sample."""
    return min(len(sample.frames), 1 + float(np.ptp(sample.time_s)) / _CORRELATION_S)


def observations(sample: Sample) -> Observations:
    """What the adjustment may use: joints that two views see."""
    weight = np.where(sample.twice_seen, sample.weight, 0.0)
    return Observations(sample.xy_px, sample.sigma_px, weight, BONES)


def fit(
    sample: Sample, views: Views, xyz: FloatArray, options: CalibrationOptions, lens: Lens
) -> Adjusted:
    """Bundle adjustment from a rough start: poses and joints (F, 12, 3), then the lens as well."""
    poses_only = held(lens_priors(sample, options, lens))
    warm = adjust(observations(sample), views, xyz, poses_only, _WARM_UP)
    return refine(sample, warm, options, lens)


def refine(sample: Sample, start: Adjusted, options: CalibrationOptions, lens: Lens) -> Adjusted:
    """Bundle adjustment with a lens model, from cameras and joints already adjusted."""
    views = start.views
    if lens.shared:  # one multiple for all; the adjustment then keeps it one
        unit = focal_unit(sample)
        views = replace(views, focal=unit * np.exp(np.log(views.focal / unit).mean()))
    priors = lens_priors(sample, options, lens)
    return adjust(observations(sample), views, start.xyz, priors, _ITERATIONS)


def choose_lens(
    sample: Sample, start: Adjusted, options: CalibrationOptions
) -> tuple[Adjusted, Lens]:
    """The simplest lens model that the images do not contradict, and its adjustment.

    By Schwarz's information criterion ("Estimating the Dimension of a Model", 1978), with errors
    that stay the same for a while counted once.
    """
    sharings = {"auto": [True, False], "shared": [True], "camera": [False]}[options.focal_sharing]
    if options.focal_sharing == "auto" and not same_camera_model(sample):
        sharings = [False]
    bends = [False, True] if options.distortion_sigma > 0 else [False]
    moments = independent_moments(sample)
    independent = 2 * float(sample.seen.sum()) * moments / len(sample.frames)

    def criterion(fit: tuple[Adjusted, Lens]) -> float:
        adjusted, lens = fit
        parameters = lens.parameters(len(sample.short_side))
        return independent * np.log(adjusted.cost) + parameters * np.log(independent)

    models = [Lens(shared, bent) for shared, bent in product(sharings, bends)]
    return min(((refine(sample, start, options, m), m) for m in models), key=criterion)
