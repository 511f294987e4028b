"""A rig from one moving person: starts, bundle adjustment, choice of the lens model, uncertainty.

The steps follow structure from motion on the joints of a person; the reasons for the constants are the
measurements of `benchmarks/calibration_accuracy.py`.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D
from gentri.errors import CalibrationError
from gentri.geometry.bundle import (
    Adjusted,
    Observations,
    Priors,
    Views,
    adjust,
    held,
    project_views,
)
from gentri.geometry.rig_start import RigStart, start_rig
from gentri.geometry.sample import JOINT_SIGMA, MIRROR, Sample, choose_sample
from gentri.geometry.triangulation import triangulate
from gentri.skeletons import BODY_JOINTS

# Inlier threshold of the two-view and resection steps, share of the person's box diagonal.
_THRESHOLD = 0.015

# Focal starts as multiples of the shorter image side: action camera, phone, portrait or telephoto lens.
_FOCAL_STARTS = (0.8, 1.2, 1.8)
_COARSE = 3  # starts are compared on every third frame

# Cameras whose shorter sides differ by less than this probably have the same lens and sensor.
_SAME_MODEL = 0.05

_RIGID = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("shoulder", "hip"),
)
BONES = np.array(
    [
        [BODY_JOINTS.index(f"{side}_{a}"), BODY_JOINTS.index(f"{side}_{b}")]
        for side in ("left", "right")
        for a, b in _RIGID
    ]
)

_WARM_UP, _REFINE = 20, 60  # iterations

# A view-frame whose median residual is this many typical ones shows another person or a wrong pose.
_OUTLIER = 4.0

# Sides are exchanged when that explains the view-frame this much better.
_SWAP_GAIN = 0.5

# Detection errors of one joint in one view stay correlated for about this long (0.79 at 0.1 s).
_CORRELATION_S = 0.3


@dataclass(frozen=True)
class CalibrationOptions:
    """What a caller decides.

    Attributes:
        frames: most frames used.
        focal_prior: expected focal length, multiples of the shorter image side.
        focal_sigma: standard deviation of its logarithm.
        focal_sharing: "auto", "shared" or "camera".
        distortion_sigma: prior standard deviation of k1, used when the images call for it; 0 never.
        bone_sigma: spread of the log length of a bone over time; 0 does not use bones.
        seed: of all sampling.
    """

    frames: int
    focal_prior: float
    focal_sigma: float
    focal_sharing: str
    distortion_sigma: float
    bone_sigma: float
    seed: int


@dataclass(frozen=True)
class _Lens:
    """A lens model: one focal length (and k1) for all cameras or one each; straight or with k1."""

    shared: bool
    bent: bool

    def numbers(self, cameras: int) -> int:
        return (1 if self.shared else cameras) * (2 if self.bent else 1)


@dataclass(frozen=True, eq=False)
class CalibratedViews:
    """Cameras and joints; first camera at the origin, scale arbitrary.

    Attributes:
        views: C cameras.
        frames: (F,) ticks used.
        xyz: (F, 12, 3) joints; NaN where fewer than two views saw them.
        residual_px: (C, F, 12) reprojection errors of what was seen; NaN elsewhere.
        sigma_log_focal: (C,).
        focal_shared, distorted: the lens model chosen.
        swapped: view-frames whose sides were exchanged.
        dropped: view-frames left out as outliers.
    """

    views: Views
    frames: NDArray[np.int64]
    xyz: FloatArray
    residual_px: FloatArray
    sigma_log_focal: FloatArray
    focal_shared: bool
    distorted: bool
    swapped: int
    dropped: int

    @property
    def residual_rad(self) -> FloatArray:
        """Residuals as angles, (C, F, 12)."""
        return self.residual_px / self.views.focal[:, None, None]


def calibrate_views(keypoints: Keypoints2D, options: CalibrationOptions) -> CalibratedViews:
    """Estimate all cameras from one person.

    Args:
        keypoints: the person on common ticks.
        options: see CalibrationOptions.

    Raises:
        CalibrationError: too few common frames, or cameras that cannot be connected.
    """
    sample = choose_sample(keypoints, options.frames)
    views = _coarse_views(sample.every(_COARSE), keypoints.cameras, options)
    swapped = _swapped(sample, views)
    labelled = sample.relabelled(swapped)
    lens = _Lens(shared=_one_model(labelled) and options.focal_sharing != "camera", bent=False)
    xyz = _structure(labelled, views)
    warm = adjust(
        _observations(labelled), views, xyz, held(_priors(sample, options, lens)), _WARM_UP
    )
    first = _refine(labelled, warm, options, lens)
    outliers = _outliers(labelled, first)
    kept = labelled.without(outliers)
    result, lens = _choose_lens(kept, first, options)
    return CalibratedViews(
        views=result.views,
        frames=sample.frames,
        xyz=np.where(kept.twice_seen[..., None], result.xyz, np.nan),
        residual_px=_residuals(kept, result.views, result.xyz),
        sigma_log_focal=result.sigma_log_focal,
        focal_shared=lens.shared,
        distorted=lens.bent,
        swapped=int(swapped.sum()),
        dropped=int(outliers.sum()),
    )


def _coarse_views(sample: Sample, names: tuple[str, ...], options: CalibrationOptions) -> Views:
    """The best of several starts, adjusted on few frames with the stiffest lens model."""
    lens = _Lens(shared=_one_model(sample), bent=False)
    starts = [(_start(sample, m, options.seed), m) for m in _FOCAL_STARTS]
    _refuse_unconnected(names, [s for s, _ in starts if s is not None])
    fits = []
    for start, multiple in starts:
        if start is None or not start.placed.all():
            continue
        labelled = sample.relabelled(start.swapped)
        R, t, xyz = _normalised(start)
        focal = np.full(len(R), multiple * _focal_unit(sample))
        views = Views(R, t, focal, sample.center_px, np.zeros((len(R), 2)))
        priors = _priors(sample, options, lens)
        seen = _observations(labelled)
        warm = adjust(seen, views, xyz, held(priors), _WARM_UP)
        fits.append(adjust(seen, warm.views, warm.xyz, priors, _REFINE))
    return min(fits, key=lambda f: f.cost).views


def _one_model(sample: Sample) -> bool:
    return bool(np.ptp(np.log(sample.short_side)) < _SAME_MODEL)


def _focal_unit(sample: Sample) -> FloatArray:
    """Pixels that focal multiples refer to, (C,): alike for cameras of (almost) one image size."""
    side = sample.short_side
    return np.full_like(side, side.mean()) if _one_model(sample) else side


def _start(sample: Sample, multiple: float, seed: int) -> RigStart | None:
    focal = multiple * _focal_unit(sample)
    xy = (sample.xy_px - sample.center_px[:, None, None]) / focal[:, None, None, None]
    xy[~sample.seen] = np.nan
    size = sample.sigma_px[..., 0] / JOINT_SIGMA / focal[:, None]
    return start_rig(xy, sample.weight, _THRESHOLD * float(np.median(size)), MIRROR, seed)


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
        f"no position was found for {', '.join(lost)}: it sees too little of the person together with the others",
        "leave this camera out, or film again with the person walking where its view overlaps the others",
    )


def _normalised(start: RigStart) -> tuple[FloatArray, FloatArray, FloatArray]:
    """First camera at the origin, cameras at a mean distance of 1 from the person, no NaN joints."""
    center = -np.einsum("cji,cj->ci", start.R, start.t)
    middle = np.nanmedian(start.xyz, axis=(0, 1))
    scale = 1 / np.linalg.norm(center - middle, axis=-1).mean()
    R = start.R @ start.R[0].T
    t = (start.t - R @ start.t[0]) * scale
    xyz = (start.xyz @ start.R[0].T + start.t[0]) * scale
    return R, t, _filled(xyz)


def _filled(xyz: FloatArray) -> FloatArray:
    """Unknown joints at the median joint, where their zero weight keeps them harmless."""
    return np.where(np.isfinite(xyz), xyz, np.nanmedian(xyz, axis=(0, 1)))


def _priors(sample: Sample, options: CalibrationOptions, lens: _Lens) -> Priors:
    one = np.ones(len(sample.short_side))
    return Priors(
        log_focal=np.log(options.focal_prior * sample.short_side),
        sigma_log_focal=options.focal_sigma * one,
        lens_group=0 * one.astype(np.int64) if lens.shared else np.arange(len(one)),
        center_px=sample.center_px,
        sigma_center_px=0 * one,
        sigma_k1=options.distortion_sigma if lens.bent else 0.0,
        sigma_bone=options.bone_sigma,
    )


def _observations(sample: Sample) -> Observations:
    weight = np.where(sample.twice_seen, sample.weight, 0.0)
    return Observations(sample.xy_px, sample.sigma_px, weight, BONES)


def _rays(sample: Sample, views: Views) -> FloatArray:
    """Normalised image coordinates for straight lenses, (C, F, 12, 2); NaN where not seen."""
    xy = (sample.xy_px - views.center[:, None, None]) / views.focal[:, None, None, None]
    return np.where(sample.seen[..., None], xy, np.nan)


def _structure(sample: Sample, views: Views) -> FloatArray:
    scale = float(np.median(sample.sigma_px / views.focal[:, None, None]))
    return _filled(triangulate(_rays(sample, views), sample.weight, views.R, views.t, scale))


def _residuals(sample: Sample, views: Views, xyz: FloatArray) -> FloatArray:
    """Reprojection errors (C, F, 12) px; NaN where not seen or seen by one view alone."""
    uv, _ = project_views(views, xyz)
    e = np.linalg.norm(uv - sample.xy_px, axis=-1)
    return np.where(sample.seen & sample.twice_seen, e, np.nan)


def _swapped(sample: Sample, views: Views) -> NDArray[np.bool_]:
    """View-frames (C, F) whose sides contradict the other views."""
    swapped = np.zeros(sample.seen.shape[:2], dtype=bool)
    for _ in range(2):
        labelled = sample.relabelled(swapped)
        xyz = _structure(labelled, views)

        def cost(candidate: Sample, xyz: FloatArray = xyz) -> FloatArray:
            e = _residuals(candidate, views, xyz) / candidate.sigma_px
            return np.nansum(np.minimum(e / 3, 1.0), axis=-1)

        flip = cost(labelled.relabelled(np.ones_like(swapped))) < _SWAP_GAIN * cost(labelled) - 1.0
        swapped ^= flip
    return swapped


def _refine(sample: Sample, state: Adjusted, options: CalibrationOptions, lens: _Lens) -> Adjusted:
    return adjust(
        _observations(sample), state.views, state.xyz, _priors(sample, options, lens), _REFINE
    )


def _outliers(sample: Sample, result: Adjusted) -> NDArray[np.bool_]:
    """View-frames (C, F) that disagree with all others."""
    e = _residuals(sample, result.views, result.xyz) / sample.sigma_px
    typical = np.nanmedian(e)
    known = np.isfinite(e).any(-1)
    middle = np.zeros(known.shape)
    middle[known] = np.nanmedian(e[known], axis=-1)
    return middle > _OUTLIER * max(float(typical), 0.5)


def _choose_lens(
    sample: Sample, start: Adjusted, options: CalibrationOptions
) -> tuple[Adjusted, _Lens]:
    """The simplest lens model that the images do not contradict (Schwarz's information criterion, 1978).

    Errors that stay the same for a while are counted once.
    """
    shareable = {"auto": _one_model(sample), "shared": True, "camera": False}[options.focal_sharing]
    models = [
        _Lens(shared, bent)
        for shared in (
            [True, False] if shareable and options.focal_sharing == "auto" else [shareable]
        )
        for bent in ([False, True] if options.distortion_sigma > 0 else [False])
    ]
    span = float(np.ptp(sample.time_s))
    moments = min(len(sample.frames), 1 + span / _CORRELATION_S)
    numbers = 2 * float(sample.seen.sum()) * moments / len(sample.frames)

    def criterion(fit: Adjusted, lens: _Lens) -> float:
        return numbers * np.log(fit.cost) + lens.numbers(len(sample.short_side)) * np.log(numbers)

    fits = [(_refine(sample, start, options, lens), lens) for lens in models]
    return min(fits, key=lambda f: criterion(*f))
