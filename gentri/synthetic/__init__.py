"""Exact scenes to measure against: cameras, a walking person, detections and their faults, dots.

Everything is seeded by the `numpy.random.Generator` handed in: the same seed gives the same scene.
"""

from gentri.synthetic.cameras import camera_ring, look_at, random_ring
from gentri.synthetic.detections import degrade, observe
from gentri.synthetic.dots import dotted_video, draw_dots, joint_colors
from gentri.synthetic.walker import Walk, walk

__all__ = [
    "Walk",
    "camera_ring",
    "degrade",
    "dotted_video",
    "draw_dots",
    "joint_colors",
    "look_at",
    "observe",
    "random_ring",
    "walk",
]
