"""What the caller of a calibration decides."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class CalibrationOptions:
    """Settings of `calibrate_views`.

    Attributes:
        frames: most frames used.
        focal_prior: expected focal length, multiples of the shorter image side.
        focal_sigma: standard deviation of its logarithm.
        focal_sharing: one focal length and distortion for all cameras ("shared"), for those of one
            image size ("model"), one each ("camera"), or what the images call for ("auto").
        distortion_sigma: prior standard deviation of k1 and k2, used when the images call for them;
            0 never.
        center_sigma: prior standard deviation of the principal point about the image centre, share
            of the image width; 0 holds it there.
        bone_sigma: spread of the log length of a bone over time; 0 does not use bones.
        seed: of all sampling.
    """

    frames: int
    focal_prior: float
    focal_sigma: float
    focal_sharing: Literal["auto", "shared", "model", "camera"]
    distortion_sigma: float
    center_sigma: float
    bone_sigma: float
    seed: int
