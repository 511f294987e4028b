"""Examples to train on: what the scorers see of a scene, with the truth beside it.

Nothing that a network sees depends on the network, so it is computed once and kept in files.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gentri.pipeline.atomic import atomic_write
from gentri.ransac.anatomy import Anatomy
from gentri.ransac.features import describe
from gentri.ransac.first_look import first_look
from gentri.ransac.hypotheses import view_subsets
from gentri.ransac.least_squares import subset_points
from gentri.ransac.proposals import propose
from gentri.ransac.recording import Recording
from gentri.ransac.training.scenes import TrainingScene, training_scene
from gentri.ransac.whole_pose import relative
from gentri.synthetic import Clip

MIN_ANGLE = float(np.radians(5.0))  # as `triangulate.min_angle_deg`
TAKES_PER_FILE = 25

# Tensors of equal first axis (skeletons), by name.
Examples = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Data:
    """Examples by the number of views: to train with, and those held back."""

    training: dict[int, Examples]
    held_back: dict[int, Examples]


def recording_of(scene: TrainingScene) -> Recording:
    """One person, as triangulation gets it."""
    keypoints = scene.keypoints
    return Recording(
        rig=scene.rig,
        xy_px=keypoints.xy_px[:, :, None],
        confidence=np.nan_to_num(keypoints.score)[:, :, None],
        time_s=keypoints.time_s,
        skeleton=keypoints.skeleton,
    )


def candidate_examples(scene: TrainingScene) -> Examples:
    """Of B skeletons with a joint that two views see.

    Returns:
        features (B, J, K, F) float16; valid (B, J, K) bool; xyz (B, J, K, 3) and truth (B, J, 3)
        about the reference, in diagonals of the person's box; known (B, J) bool.
    """
    recording = recording_of(scene)
    anatomy = Anatomy.of(recording.skeleton)
    look = first_look(recording, anatomy, MIN_ANGLE)
    walk = torch.from_numpy(scene.walk.xyz)
    parts = []
    for where, views in recording.chunks():
        views, context = look.weighed(look.put_right(where, views)), look.story[where]
        candidates, origin = propose(views, context, anatomy, MIN_ANGLE)
        features = describe(views, candidates, origin, context, look.misfit_of(where), anatomy)
        unit, reference = context.unit[:, None, None], context.reference
        truth = (walk[where] - reference) / unit
        xyz = (candidates.xyz - reference[:, :, None]) / unit[..., None]
        known = (views.seen.sum(dim=-1) >= 2) & truth.isfinite().all(dim=-1)
        valid = candidates.valid & xyz.isfinite().all(dim=-1)
        some = known.any(dim=1)
        example = {
            "features": features.half(),
            "valid": valid,
            "xyz": torch.where(valid[..., None], xyz, 0.0).float(),
            "truth": torch.where(known[..., None], truth, 0.0).float(),
            "known": known & valid.any(dim=-1),
        }
        parts.append({name: x[some] for name, x in example.items()})
    return joined(parts)


def whole_pose_examples(scene: TrainingScene) -> Examples:
    """Of B whole skeletons.

    Returns:
        points (B, J, K, 3): each joint from each subset of the views, about the middle of the pose
        of all views; truth (B, J, 3) about the middle of the hips; both metres, float32.
    """
    recording = recording_of(scene)
    anatomy = Anatomy.of(recording.skeleton)
    subsets = torch.from_numpy(view_subsets(len(scene.rig.cameras)))
    walk = torch.from_numpy(scene.walk.xyz)
    parts = []
    for where, views in recording.chunks():
        points, _ = subset_points(views, views.seen.to(views.xy), subsets)
        points = points - points[:, :, -1:].nanmean(dim=1, keepdim=True)
        truth = relative(walk[where], anatomy)
        whole = points.isfinite().flatten(1).all(1) & truth.isfinite().flatten(1).all(1)
        parts.append({"points": points[whole].float(), "truth": truth[whole].float()})
    return joined(parts)


MAKERS: dict[str, Callable[[TrainingScene], Examples]] = {
    "candidates": candidate_examples,
    "whole-pose": whole_pose_examples,
}


def joined(parts: list[Examples]) -> Examples:
    """Examples one after the other."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True)
class Wanted:
    """Which examples to make; each take depends on nothing but this and its number.

    Attributes:
        make: from `MAKERS`.
        views: number of cameras.
        takes: number of takes.
        errors: kinds of errors that may be.
        seed: of the scenes.
    """

    make: Callable[[TrainingScene], Examples]
    views: int
    takes: int
    errors: tuple[str, ...]
    seed: int


def example_files(folder: Path, clips: tuple[Clip, ...], wanted: Wanted) -> Iterator[Path]:
    """Files of `TAKES_PER_FILE` takes each; those that are there already are not made again.

    Args:
        folder: where they are kept.
        clips: of the people.
        wanted: which examples.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, wanted.takes, TAKES_PER_FILE):
        path = folder / f"{wanted.views:02d}-{first:05d}.safetensors"
        if not path.exists():
            numbers = range(first, min(first + TAKES_PER_FILE, wanted.takes))
            examples = joined([_example(clips, wanted, number) for number in numbers])
            with atomic_write(path) as temporary:
                save_file({k: v.contiguous() for k, v in examples.items()}, temporary)
        yield path


def _example(clips: tuple[Clip, ...], wanted: Wanted, number: int) -> Examples:
    rng = np.random.default_rng([wanted.seed, wanted.views, number])
    return wanted.make(training_scene(rng, clips, wanted.views, wanted.errors))
