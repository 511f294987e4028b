"""Scenes to train on: people unlike each other, rigs as people set them up, errors of all kinds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gentri.data import Camera, Keypoints2D, Rig, Rigid3
from gentri.synthetic import (
    Clip,
    Walk,
    kinds_of_takes,
    mocap_take,
    observe,
    random_detector,
    random_rig,
    real_like_noise,
    sketch_noise,
)

SECONDS = (4.0, 12.0)
STAYS = 0.25  # share of the takes in which the person stays on the spot, where there are both

# Errors of a take: as sketched, as real detectors make them, or one on top of the other.
KINDS = {"sketch": 0.45, "real": 0.35, "both": 0.2}
ON_TOP = (0.2, 1.0)  # strength of sketched errors on top of others
STRENGTH = (0.3, 2.0)  # of the errors, drawn evenly in the logarithm

# What a detector means by its score: exponents, the last one says nothing at all.
SCORE_EXPONENTS, EXPONENT_SHARE = (1.0, 2.0, 0.5, 0.0), (0.6, 0.15, 0.15, 0.1)

LOST = 0.05  # most of the joints that are not reported
AWAY = 0.1  # share of the takes in which a view loses the person for a while

# Rigs that were estimated from people: share, and standard deviations of attitude and place.
ESTIMATED, TURNED_DEG, MOVED_M = 0.3, 0.15, 0.015


@dataclass(frozen=True, eq=False)
class TrainingScene:
    """Detections, the rig that they are triangulated with, and where the person was."""

    keypoints: Keypoints2D
    rig: Rig
    walk: Walk


def training_scene(
    rng: np.random.Generator,
    clips: tuple[Clip, ...],
    views: int,
    errors: Sequence[str] = tuple(KINDS),
) -> TrainingScene:
    """One take of one person.

    Args:
        rng: source of all variation.
        clips: of the people.
        views: number of cameras.
        errors: kinds that may be, from `KINDS`.

    Raises:
        InputError: in no clip a person walks through space or stays on the spot.
    """
    rig = random_rig(rng, views)
    moving, kinds = rng.uniform() > STAYS, kinds_of_takes(clips)
    if moving not in kinds:
        (moving,) = kinds
    walk = mocap_take(rng, clips, seconds=rng.uniform(*SECONDS), moving=moving)
    keypoints = _lost(rng, _scored(rng, _erring(rng, rig, walk, errors)))
    return TrainingScene(keypoints, _estimated(rng, rig), walk)


def _erring(rng: np.random.Generator, rig: Rig, walk: Walk, kinds: Sequence[str]) -> Keypoints2D:
    exact = observe(rig, walk)
    share = np.array([KINDS[kind] for kind in kinds])
    kind = rng.choice(kinds, p=share / share.sum())
    strength = float(np.exp(rng.uniform(*np.log(STRENGTH))))
    if kind == "sketch":
        return sketch_noise(exact, walk, rig, rng, strength=strength)
    detector = random_detector(rng)
    slow = real_like_noise(exact, walk, rig, rng, detector=detector, strength=strength)
    if kind == "real":
        return slow
    return sketch_noise(slow, walk, rig, rng, strength=rng.uniform(*ON_TOP))


def _scored(rng: np.random.Generator, keypoints: Keypoints2D) -> Keypoints2D:
    exponent = rng.choice(SCORE_EXPONENTS, p=EXPONENT_SHARE)
    return replace(keypoints, score=(keypoints.score**exponent).astype(np.float32))


def _lost(rng: np.random.Generator, keypoints: Keypoints2D) -> Keypoints2D:
    """Without some joints, and sometimes without the person in one view for a while."""
    lost = rng.uniform(size=keypoints.score.shape) < rng.uniform(0, LOST)
    if rng.uniform() < AWAY:
        ticks = len(keypoints.time_s)
        first, last = np.sort(rng.integers(0, ticks + 1, 2))
        lost[rng.integers(len(lost)), first:last] = True
    nan = np.float32(np.nan)
    xy = np.where(lost[..., None], nan, keypoints.xy_px)
    return replace(keypoints, xy_px=xy, score=np.where(lost, nan, keypoints.score))


def _estimated(rng: np.random.Generator, rig: Rig) -> Rig:
    if rng.uniform() > ESTIMATED:
        return rig
    return replace(rig, cameras=tuple(replace(c, cam_from_world=_off(rng, c)) for c in rig.cameras))


def _off(rng: np.random.Generator, camera: Camera) -> Rigid3:
    from scipy.spatial.transform import Rotation

    pose = camera.cam_from_world
    turn = Rotation.from_rotvec(np.radians(TURNED_DEG) * rng.normal(size=3)).as_matrix()
    return Rigid3(turn @ pose.R, turn @ pose.t + MOVED_M * rng.normal(size=3))
