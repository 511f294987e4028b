"""Walkers before rigs, as sets to evaluate on."""

import numpy as np

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.evaluation import EvaluationSet, joined
from gentri.evaluation.methods import method
from gentri.synthetic import camera_ring, observe, walk


def walking_set(seed: int = 0, clips: int = 3, ticks: int = 20, cameras: int = 4) -> EvaluationSet:
    """Exact detections of some walkers."""
    rng = np.random.default_rng(seed)
    rig = camera_ring(cameras)
    walks = [walk(rng, ticks) for _ in range(clips)]
    return joined("walks", rig, [(observe(rig, one), one.xyz) for one in walks])


def triangulated(keypoints: Keypoints2D, rig: Rig) -> FloatArray:
    """Plain triangulation, as a method to evaluate."""
    return method("dlt")(keypoints, rig)
