"""Which lens model the images call for, from one adjustment with all of it free.

A simpler model is the rich one with some numbers at zero (no k1, equal focal lengths). Its odds
against the rich model are the density of these numbers at zero after the data over that before
them: the Savage–Dickey ratio (Dickey, "The Weighted Likelihood Ratio, Linear Hypotheses on Normal
Location Parameters", 1971), here with the adjustment's covariance as the density's. The prior of a
number that several cameras share is then the narrower one that independent priors give their mean.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.adjustment_problem import Priors
from gentri.geometry.bundle import ROUGH, Adjusted
from gentri.geometry.lens import Lens, camera_models, focal_unit, lens_priors, overrating, refine
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.projection import CENTER, K1, K2, LOG_FOCAL
from gentri.geometry.sample import Sample

# Odds (logarithm) that one focal length for several cameras has to have: taken for one when they
# are not, it errs by their difference; not taken when they are, less is lost. Equal cameras had 2.8
# and more on a short real recording and 5 and more on synthetic ones, different ones −0.2 at most.
_SHARING_ODDS = 1.5

# Odds (logarithm) above which principal points off the image centres are believed: real ones are
# never quite on them. Four cameras that have them on the centres say −2.3 and less, most with bent
# lenses −1.2 and less; most that have them off say −0.5 and more. Two cameras cannot tell.
_SHIFT_ODDS = -1.0
_LEAST_FOR_SHIFT = 3  # cameras

_ROUNDS = 2  # the weight of the priors follows from the residuals, and these from the lens model


def choose_lens(
    sample: Sample, start: Adjusted, options: CalibrationOptions
) -> tuple[Adjusted, Lens]:
    """The lens model of best odds, and its adjustment.

    Args:
        sample: the detections.
        start: a first adjustment.
        options: which models are allowed, and their priors.
    """
    models = allowed_lenses(sample, options)
    if len(models) == 1:
        return refine(sample, start, options, models[0]), models[0]
    rich = max(models, key=lambda m: (not m.shared, m.radial, m.shifted))
    adjusted = start
    for _ in range(_ROUNDS):
        strength = overrating(sample, adjusted)
        adjusted = refine(sample, adjusted, options, rich, strength, ROUGH)
    strength = overrating(sample, adjusted)
    priors = lens_priors(sample, options, rich)
    odds = [
        log_odds(sample, adjusted, priors, restrictions(sample, options, m), strength)
        for m in models
    ]
    needed = [
        _SHARING_ODDS * (m.shared and not rich.shared) + _SHIFT_ODDS * m.shifted for m in models
    ]
    best = models[int(np.argmax(np.subtract(odds, needed)))]
    return refine(sample, adjusted, options, best, strength), best


def allowed_lenses(sample: Sample, options: CalibrationOptions) -> list[Lens]:
    """The lens models among which the images may choose."""
    models = camera_models(sample)
    alike = len(np.unique(models)) < len(models)
    shared = {"camera": [False], "auto": [False, True] if alike else [False]}
    known = bool(sample.lenses.undone.all())
    radial = [0] if known or options.distortion_sigma == 0 else [0, 1, 2]
    few = len(sample.cameras) < _LEAST_FOR_SHIFT
    shifted = [False] if known or few or options.center_sigma == 0 else [False, True]
    sharing = shared.get(options.focal_sharing, [True])
    return [Lens(s, r, c) for s, r, c in product(sharing, radial, shifted)]


def restrictions(
    sample: Sample, options: CalibrationOptions, lens: Lens
) -> list[tuple[int, int, int]]:
    """What a lens model holds at zero: (camera, local parameter, camera to be equal to or −1)."""
    free = np.flatnonzero(~sample.lenses.undone)
    held = [(int(c), K1, -1) for c in free if lens.radial < 1]
    held += [(int(c), K2, -1) for c in free if lens.radial < 2]
    if not lens.shifted:
        held += [(int(c), at, -1) for c in free for at in range(CENTER.start, CENTER.stop)]
    if lens.shared:
        group = lens_priors(sample, options, lens).lens_group
        for c, number in enumerate(group):
            first = int(np.flatnonzero(group == number)[0])
            if first != c:
                held.append((c, LOG_FOCAL, first))
                held += [(c, K1, first)] if lens.radial > 0 else []
                held += [(c, K2, first)] if lens.radial > 1 else []
    return held


def log_odds(
    sample: Sample,
    rich: Adjusted,
    priors: Priors,
    held: list[tuple[int, int, int]],
    strength: float,
) -> float:
    """Logarithm of the odds of a model that holds some numbers at zero, against the rich one.

    Args:
        sample: the cameras.
        rich: adjustment with all of them free.
        priors: of the rich model, with the frames at their true worth.
        held: see `restrictions`; those that the rich model holds as well do not count.
        strength: by how much the adjustment overrates the frames, see `overrating`.
    """
    size = len(rich.covariance)
    rows = {row.tobytes(): row for entry in held if (row := _row(rich.columns, size, *entry)).any()}
    if not rows:
        return 0.0
    A = np.array(list(rows.values()))
    before, spread, after = _by_column(sample, rich, priors)
    covariance = strength * rich.covariance
    return _log_density(A @ after, A @ covariance @ A.T) - _log_density(
        A @ before, (A * spread**2) @ A.T
    )


def _row(
    columns: NDArray[np.int64], size: int, camera: int, local: int, equal_to: int
) -> FloatArray:
    """The number that is held, as a row over the shared parameters, (P,)."""
    row = np.zeros(size + 1)  # column −1, what is held anyway, falls on the last place
    row[columns[camera, local]] += 1.0
    if equal_to >= 0:
        row[columns[equal_to, local]] -= 1.0
    return row[:-1]


def _by_column(
    sample: Sample, rich: Adjusted, priors: Priors
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Prior mean, prior standard deviation and value of the shared parameters, each (P,).

    Focal lengths as logarithms of multiples, principal points from the image centre.
    """
    before, spread, after = (np.zeros(len(rich.covariance) + 1) for _ in range(3))
    unit = np.log(focal_unit(sample))
    views, columns = rich.views, rich.columns
    for local, mean, sigma, value in (
        (LOG_FOCAL, priors.log_focal - unit, priors.sigma_log_focal, np.log(views.focal) - unit),
        (CENTER.start, 0.0, priors.sigma_center_px, (views.center - priors.center_px)[:, 0]),
        (CENTER.start + 1, 0.0, priors.sigma_center_px, (views.center - priors.center_px)[:, 1]),
        (K1, 0.0, priors.sigma_k1, views.k[:, 0]),
        (K2, 0.0, priors.sigma_k2, views.k[:, 1]),
    ):
        at = columns[:, local]
        before[at], spread[at], after[at] = mean, sigma, value
    return before[:-1], spread[:-1], after[:-1]


def _log_density(at: FloatArray, covariance: FloatArray) -> float:
    """Logarithm of the normal density of mean zero at a point (N,), but for a constant."""
    _, log_det = np.linalg.slogdet(covariance)
    return -0.5 * float(at @ np.linalg.solve(covariance, at)) - 0.5 * float(log_det)
