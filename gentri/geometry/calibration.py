"""A rig from one moving person: start, bundle adjustment, choice of the lens model, uncertainty.

The steps follow structure from motion on the joints of a person; the reasons for the constants are
the measurements of `benchmarks/calibration_accuracy.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Intrinsics, Keypoints2D
from gentri.geometry.bundle import ROUGH
from gentri.geometry.epipolar import TwoViewSolver
from gentri.geometry.face import with_face_weighed
from gentri.geometry.focal_search import search_focal
from gentri.geometry.lens import Lens, overrating, refine, warm_up
from gentri.geometry.lens_choice import choose_lens
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.projection import Views
from gentri.geometry.reprojection import exchanged_sides, outlying_frames, residuals_px, structure
from gentri.geometry.sample import choose_sample
from gentri.geometry.two_view_solvers import relative_pose
from gentri.skeletons import BODY_JOINTS

# Starts are compared on fewer frames: about so many suffice for them.
_COARSE_FRAMES = 50


@dataclass(frozen=True, eq=False)
class CalibratedViews:
    """Cameras and joints; first camera at the origin, scale arbitrary.

    Attributes:
        cameras: names, length C.
        views: C cameras; in pinhole pixels where the lens was given.
        take: (F,) number of the recording of each frame used.
        frames: (F,) ticks used.
        xyz: (F, 12, 3) body joints; NaN where fewer than two views saw them.
        residual_px: (C, F, 12) reprojection errors of all that was seen, view-frames left out
            included; NaN elsewhere.
        sigma_log_focal: (C,) standard deviation, with errors that last counted once; NaN where
            the focal length was held.
        lens: the lens model chosen.
        swapped: view-frames whose sides were exchanged.
        dropped: (C, F) view-frames that disagree with the others and were left out.
    """

    cameras: tuple[str, ...]
    views: Views
    take: NDArray[np.int64]
    frames: NDArray[np.int64]
    xyz: FloatArray
    residual_px: FloatArray
    sigma_log_focal: FloatArray
    lens: Lens
    swapped: int
    dropped: NDArray[np.bool_]

    @property
    def residual_rad(self) -> FloatArray:
        """Residuals as angles, (C, F, 12)."""
        return self.residual_px / self.views.focal[:, None, None]


def calibrate_views(
    takes: Sequence[Keypoints2D],
    options: CalibrationOptions,
    known: Mapping[str, Intrinsics] | None = None,
    solver: TwoViewSolver = relative_pose,
) -> CalibratedViews:
    """Estimate all cameras from one person in each take.

    Args:
        takes: recordings of the same cameras in the same places, each of a person on common ticks.
        options: see CalibrationOptions.
        known: intrinsics by camera name, where there are any.
        solver: of pairs of cameras, for the start.

    Raises:
        CalibrationError: too few common frames, or cameras that cannot be connected.
        InputError: picture sizes that differ between takes or from the intrinsics.
    """
    sample = choose_sample(takes, options.frames, known or {})
    views = search_focal(sample.every(_coarse_step(len(sample.frames))), options, solver)
    swapped = exchanged_sides(sample, views)
    labelled = sample.relabelled(swapped)
    first = warm_up(labelled, views, structure(labelled, views), options, ROUGH)
    labelled = with_face_weighed(labelled, first.views, first.xyz)
    result, lens = choose_lens(labelled, first, options)
    outliers = outlying_frames(labelled, result.views, result.xyz)
    kept = labelled.without(outliers)
    if outliers.any():
        result = refine(kept, result, options, lens)
    body = len(BODY_JOINTS)
    inflation = np.sqrt(overrating(kept, result))
    return CalibratedViews(
        cameras=sample.cameras,
        views=result.views,
        take=sample.take,
        frames=sample.frames,
        xyz=np.where(kept.twice_seen[..., None], result.xyz, np.nan)[:, :body],
        residual_px=residuals_px(labelled, result.views, result.xyz)[:, :, :body],
        sigma_log_focal=inflation * result.sigma_log_focal,
        lens=lens,
        swapped=int(swapped.sum()),
        dropped=outliers,
    )


def _coarse_step(frames: int) -> int:
    """Every which frame leaves about as many as a start needs."""
    return max(1, frames // _COARSE_FRAMES)
