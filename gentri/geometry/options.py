"""What the caller of a calibration decides."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class CalibrationOptions:
    """Settings of `calibrate_views`.

    Attributes:
        frames: most frames used.
        focal_prior: expected focal length, multiples of the shorter image side.
        focal_sigma: standard deviation of its logarithm; 0 holds the focal length.
        focal_sharing: one focal length and distortion for all cameras ("shared"), one each
            ("camera"), or what the images call for ("auto").
        distortion_sigma: prior standard deviation of k1, used when the images call for it; 0 never.
        bone_sigma: spread of the log length of a bone over time; 0 does not use bones.
        seed: of all sampling.
    """

    frames: int
    focal_prior: float
    focal_sigma: float
    focal_sharing: Literal["auto", "shared", "camera"]
    distortion_sigma: float
    bone_sigma: float
    seed: int
