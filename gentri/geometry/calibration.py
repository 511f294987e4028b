"""A rig from one moving person: start, bundle adjustment, choice of the lens model, uncertainty.

The steps follow structure from motion on the joints of a person; the reasons for the constants are
the measurements of `benchmarks/calibration_accuracy.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D
from gentri.geometry.focal_search import search_focal
from gentri.geometry.lens import (
    Lens,
    choose_lens,
    fit,
    independent_moments,
    refine,
    same_camera_model,
)
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.projection import Views
from gentri.geometry.reprojection import exchanged_sides, outlying_frames, residuals_px, structure
from gentri.geometry.sample import choose_sample

_COARSE = 3  # starts are compared on every third frame


@dataclass(frozen=True, eq=False)
class CalibratedViews:
    """Cameras and joints; first camera at the origin, scale arbitrary.

    Attributes:
        views: C cameras.
        frames: (F,) ticks used.
        xyz: (F, 12, 3) joints; NaN where fewer than two views saw them.
        residual_px: (C, F, 12) reprojection errors of all that was seen, view-frames left out
            included; NaN elsewhere.
        sigma_log_focal: (C,) standard deviation, with errors that last counted once; NaN where
            the focal length was held.
        focal_shared, distorted: the lens model chosen.
        swapped: view-frames whose sides were exchanged.
        dropped: (C, F) view-frames that disagree with the others and were left out.
    """

    views: Views
    frames: NDArray[np.int64]
    xyz: FloatArray
    residual_px: FloatArray
    sigma_log_focal: FloatArray
    focal_shared: bool
    distorted: bool
    swapped: int
    dropped: NDArray[np.bool_]

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
    views = search_focal(sample.every(_COARSE), keypoints.cameras, options)
    swapped = exchanged_sides(sample, views)
    labelled = sample.relabelled(swapped)
    shared = same_camera_model(sample) and options.focal_sharing != "camera"
    first = fit(labelled, views, structure(labelled, views), options, Lens(shared, bent=False))
    result, lens = choose_lens(labelled, first, options)
    outliers = outlying_frames(labelled, result.views, result.xyz)
    kept = labelled.without(outliers)
    if outliers.any():
        result = refine(kept, result, options, lens)
    # The adjustment takes every frame's errors for independent and as large as expected.
    inflation = np.sqrt(result.cost * len(kept.frames) / independent_moments(kept))
    return CalibratedViews(
        views=result.views,
        frames=sample.frames,
        xyz=np.where(kept.twice_seen[..., None], result.xyz, np.nan),
        residual_px=residuals_px(labelled, result.views, result.xyz),
        sigma_log_focal=inflation * result.sigma_log_focal,
        focal_shared=lens.shared,
        distorted=lens.bent,
        swapped=int(swapped.sum()),
        dropped=outliers,
    )
