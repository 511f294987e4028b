"""Recordings of synthetic people, and what the learned triangulation makes of them step by step."""

import math

import numpy as np
import torch

from gentri.data import Rig
from gentri.ransac.anatomy import Anatomy
from gentri.ransac.first_look import FirstLook, first_look
from gentri.ransac.recording import Recording
from gentri.ransac.views import Views
from gentri.skeletons import COCO17
from gentri.synthetic import Walk, observe, random_ring, sketch_noise, walk

MIN_ANGLE = math.radians(5.0)
ANATOMY = Anatomy.of(COCO17)


def noisy_walk(seed: int = 0, cameras: int = 4, ticks: int = 40) -> tuple[Rig, Walk, Recording]:
    """A walking person with sketched errors."""
    rng = np.random.default_rng(seed)
    arc_deg = 90.0 if cameras == 2 else 360.0
    rig, motion = random_ring(rng, cameras, arc_deg=arc_deg), walk(rng, ticks)
    return rig, motion, recorded(rig, sketch_noise(observe(rig, motion), motion, rig, rng))


def recorded(rig: Rig, keypoints) -> Recording:
    """One person, matched across views."""
    xy, score = keypoints.xy_px[:, :, None], np.nan_to_num(keypoints.score)[:, :, None]
    return Recording(rig, xy, score, keypoints.time_s, keypoints.skeleton)


def looked_at(recording: Recording) -> tuple[FirstLook, Views]:
    """The first look, and all views put right."""
    look = first_look(recording, ANATOMY, MIN_ANGLE)
    where, views = next(recording.chunks())
    assert where.stop == recording.ticks
    return look, look.weighed(look.put_right(where, views))


def mean_error(xyz: torch.Tensor, motion: Walk) -> float:
    """Millimetres."""
    away = np.linalg.norm(xyz.numpy() - motion.xyz, axis=-1)
    return 1e3 * float(np.nanmean(away))
