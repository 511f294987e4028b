"""How sure a mean is: percentile bootstrap over clips.

Frames of a clip resemble each other, so whole clips are drawn. Efron and Tibshirani, "An
introduction to the bootstrap", 1993, chapter 13.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray

SAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and where it may lie.

    Attributes:
        mean: of all that was measured.
        low, high: bounds of the confidence interval; NaN where there is a single clip.
    """

    mean: float
    low: float
    high: float

    def scaled(self, factor: float) -> "Interval":
        """In another unit."""
        return Interval(self.mean * factor, self.low * factor, self.high * factor)


def mean_interval(
    values: FloatArray,
    clip: NDArray[np.int32],
    *,
    samples: int = SAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The mean of values (T, ...), NaN left out, with a confidence interval.

    Args:
        values: of every tick.
        clip: (T,) numbers; the ticks of a clip are drawn together.
        samples: of the bootstrap.
        level: of confidence.
        seed: the same seed draws the same samples.
    """
    rows = values.reshape(len(values), -1)
    measured = np.isfinite(rows)
    names, block = np.unique(clip, return_inverse=True)
    total = np.bincount(block, np.where(measured, rows, 0.0).sum(axis=1), len(names))
    count = np.bincount(block, measured.sum(axis=1), len(names))
    total, count = total[count > 0], count[count > 0]
    if not len(count):
        return Interval(np.nan, np.nan, np.nan)
    mean = float(total.sum() / count.sum())
    if len(count) == 1:
        return Interval(mean, np.nan, np.nan)
    clips = len(count)
    drawn = np.random.default_rng(seed).multinomial(clips, np.full(clips, 1 / clips), samples)
    means = (drawn @ total) / (drawn @ count)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high))


def difference_interval(
    a: FloatArray,
    b: FloatArray,
    clip: NDArray[np.int32],
    *,
    samples: int = SAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The mean of a − b (T, ...) where both were measured: paired, so that hard clips cancel."""
    return mean_interval(a - b, clip, samples=samples, level=level, seed=seed)
