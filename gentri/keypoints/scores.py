"""Scores of detectors, brought to what gentri weighs joints by: 0 to 1."""

import numpy as np

from gentri.data import FloatArray

# Some networks score a little above 1: not worth a word.
_LITTLE_ABOVE = 1.2
# Of scores up to 100, half as large as this at least, detectors mean per cent.
_LEAST_PERCENT = 10.0


def unit_scores(xy_px: FloatArray, score: FloatArray | None) -> tuple[FloatArray, str]:
    """Scores of joints from 0 to 1, and what was done to them; "" for nothing worth a word.

    Args:
        xy_px: (…, 2) joints; NaN where not seen.
        score: (…); none, or NaN for all that was seen, where the detector gives none: then 1 each.

    Returns:
        (…) float32, NaN where not seen.
    """
    seen = np.isfinite(xy_px).all(-1)
    if score is None or np.isnan(score[seen]).all():
        return np.where(seen, np.float32(1), np.float32(np.nan)), ""
    unit, said = _as_shares(np.where(seen, score, np.nan))
    return np.minimum(unit, 1).astype(np.float32), said


def _as_shares(score: FloatArray) -> tuple[FloatArray, str]:
    most = float(np.nanmax(score))
    if most <= _LITTLE_ABOVE:
        return score, ""
    if most <= 100 and np.median(score[score > 0]) >= _LEAST_PERCENT:
        return score / 100, f"scores reach {most:.3g}: they are taken as per cent"
    return score, f"scores reach {most:.3g}: what is above 1 counts as 1"
