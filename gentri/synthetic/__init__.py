"""Exact scenes to measure against: cameras, walking people, detections and their faults, dots.

Everything is seeded by the `numpy.random.Generator` handed in: the same seed gives the same scene.
"""

from gentri.synthetic.cameras import camera_ring, look_at, random_rig, random_ring, rolled
from gentri.synthetic.detections import degrade, observe
from gentri.synthetic.dots import dotted_video, draw_dots, joint_colors
from gentri.synthetic.error_statistics import (
    REAL,
    ErrorStatistics,
    ObservedTake,
    error_statistics,
)
from gentri.synthetic.mocap import Clip, kinds_of_takes, mocap_take, read_clips
from gentri.synthetic.real_like import Detector, random_detector, real_like_noise
from gentri.synthetic.sketch import sketch_noise
from gentri.synthetic.walker import Walk, walk

__all__ = [
    "REAL",
    "Clip",
    "Detector",
    "ErrorStatistics",
    "ObservedTake",
    "Walk",
    "camera_ring",
    "degrade",
    "dotted_video",
    "draw_dots",
    "error_statistics",
    "joint_colors",
    "kinds_of_takes",
    "look_at",
    "mocap_take",
    "observe",
    "random_detector",
    "random_rig",
    "random_ring",
    "read_clips",
    "real_like_noise",
    "rolled",
    "sketch_noise",
    "walk",
]
