"""How well the rig predicts moments that it was not estimated from, and each camera without it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.trust.evidence import Evidence, joints, reprojected

# Cameras that predict what another one sees: more of them hardly add anything.
_PREDICTORS = 6
_CONTRADICTS = 4.0  # typical errors, median over the body
_FLOOR = 0.5  # expected errors: exact data contradict nothing


@dataclass(frozen=True, eq=False)
class Prediction:
    """Errors of prediction, radians.

    Attributes:
        together: (C, F, 12) against the joints of all cameras.
        alone: (C, F, 12) of each camera against the joints of the others; NaN with two cameras.
        others: (C, F, 12, 3) these joints.
        contradicts: (C, F) view-frames that are far from what the others say.
        told: (C, F) view-frames that the others say something about.
    """

    together: FloatArray
    alone: FloatArray
    others: FloatArray
    contradicts: NDArray[np.bool_]
    told: NDArray[np.bool_]


def predict(seen: Evidence, R: FloatArray, t: FloatArray) -> Prediction:
    """Errors of the cameras R (C, 3, 3), t (C, 3) on the evidence."""
    together = _errors(seen, R, t, joints(seen, R, t)[None])
    cameras = len(R)
    others = np.full((cameras, *seen.xy.shape[1:3], 3), np.nan)
    shared = np.einsum("cfj,dfj->cd", seen.seen * 1.0, seen.seen * 1.0)
    for c in range(cameras if cameras > 2 else 0):
        rest = [int(d) for d in np.argsort(-shared[c], kind="stable") if d != c][:_PREDICTORS]
        others[c] = joints(seen.of(rest), R[rest], t[rest])
    alone = _errors(seen, R, t, others)
    relative = (together if cameras == 2 else alone) / seen.sigma
    told = np.asarray(np.isfinite(relative).any(axis=-1))
    middle = np.zeros(told.shape)
    middle[told] = np.nanmedian(relative[told], axis=-1)
    typical = max(float(np.median(middle[told])), _FLOOR) if told.any() else np.inf
    return Prediction(together, alone, others, middle > _CONTRADICTS * typical, told)


def _errors(seen: Evidence, R: FloatArray, t: FloatArray, xyz: FloatArray) -> FloatArray:
    """Distance (C, F, 12) between what is seen and joints (C or 1, F, 12, 3); far when behind."""
    xyz = np.broadcast_to(xyz, (len(R), *xyz.shape[1:]))
    uv = np.concatenate([reprojected(R[c : c + 1], t[c : c + 1], xyz[c]) for c in range(len(R))])
    miss = np.linalg.norm(uv - seen.xy, axis=-1)
    known = seen.seen & np.isfinite(xyz[..., 0])
    return np.where(known, np.where(np.isfinite(miss), miss, 1.0), np.nan)
