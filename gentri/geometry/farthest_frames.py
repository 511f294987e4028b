"""Which frames tell most: those in which the person is far from where other frames show it."""

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray


def farthest_frames(xy: FloatArray, count: int) -> NDArray[np.int64]:
    """Greedy farthest-point choice over the person's place in every view and over time; sorted.

    Args:
        xy: (C, F, J, 2), NaN where not seen.
        count: at most this many.
    """
    views, frames = xy.shape[:2]
    if frames <= count:
        return np.arange(frames)
    seen = np.all(np.isfinite(xy), axis=-1)
    joints = np.maximum(seen.sum(-1), 1)[..., None]
    place = np.where(seen[..., None], xy, 0).sum(2) / joints
    for view, visible in zip(place, seen.any(-1), strict=True):
        view[~visible] = view[visible].mean(axis=0) if visible.any() else 0.0
    feature = np.moveaxis(place, 0, 1).reshape(frames, 2 * views)
    # Gross errors lie far from everything: without a limit they would be chosen first.
    feature = np.clip(feature, *np.quantile(feature, [0.02, 0.98], axis=0))
    feature = feature / (feature.std(axis=0) + 1e-9)
    feature = np.c_[feature, np.linspace(0, 4, frames)]  # time counts like one well-covered axis
    rays = seen.any(-1).sum(0)  # frames that more cameras see tell more
    chosen = [int(np.argmax(rays))]
    far = np.linalg.norm(feature - feature[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(far * rays)))
        far = np.minimum(far, np.linalg.norm(feature - feature[chosen[-1]], axis=1))
    return np.sort(np.array(chosen))
