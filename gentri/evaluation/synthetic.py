"""Synthetic suites: people before random rigs, and what changes when one thing is different.

With the same seed the same people walk the same way in every suite. All suites but the two called
"real-like" are the sketch suite with one change: draws that do not concern the change are the same.
People should be of subjects that no method was trained on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.errors import InputError, UsageError
from gentri.evaluation.suites import EvaluationSet, joined
from gentri.ransac.two_view_scenes import TEST_SUBJECTS
from gentri.synthetic import (
    Clip,
    Detector,
    Walk,
    camera_ring,
    kinds_of_takes,
    mocap_take,
    observe,
    random_detector,
    random_rig,
    random_ring,
    real_like_noise,
    sketch_noise,
)
from gentri.synthetic.real_like import by_azimuth, redefined
from gentri.synthetic.sketch import person_size

SECONDS = 10.0  # of a take, at 10 Hz: 100 frames
STAYS = 4  # of so many takes one is of a person on the spot

ARC_DEG = (60.0, 120.0)
PAIR_ARC_DEG = 90.0  # two cameras on an even ring would face each other
CORRELATION = 0.8  # of slow errors over 0.1 s, one tick

# Exact detections, who was seen, the cameras and a source of errors → detections.
Detect = Callable[[Keypoints2D, Walk, Rig, np.random.Generator], Keypoints2D]


@dataclass(frozen=True)
class Suite:
    """A kind of scenes.

    Attributes:
        name: for commands and tables.
        what: it is, in a line.
        detect: makes the errors.
        rig: cameras, so many.
    """

    name: str
    what: str
    detect: Detect = sketch_noise
    rig: Callable[[np.random.Generator, int], Rig] = random_rig


def suite(name: str) -> Suite:
    """The suite of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in SUITES:
        raise UsageError.unknown("suite", name, SUITES)
    return SUITES[name]


def synthetic_sets(
    suite: Suite, views: int, clips: tuple[Clip, ...], frames: int = 2000, seed: int = 0
) -> Iterator[EvaluationSet]:
    """Takes of ten seconds, each with a rig and a clip of its own, until there are enough frames.

    Args:
        suite: kind of scenes.
        views: number of cameras, at least two.
        clips: motion of the people.
        frames: at least, with the person there. Where the person is away between two pieces of
            motion, truth is NaN.
        seed: the same seed gives the same takes; a longer suite begins with those of a shorter one.

    Raises:
        InputError: in no clip a person walks through space or stays on the spot.
    """
    kinds = kinds_of_takes(clips)
    number = there = 0
    while there < frames:
        stays = False in kinds and (True not in kinds or number % STAYS == STAYS - 1)
        take = _take(suite, views, clips, not stays, (seed, number))
        there += int(np.isfinite(take.truth[:, 0, 0]).sum())
        number += 1
        yield take


def chosen_clips(
    clips: Sequence[Clip], subjects: Sequence[str] | None = None
) -> tuple[tuple[Clip, ...], str]:
    """Clips to test on, and whose they are, in words.

    Args:
        clips: to choose from.
        subjects: to take; None: those that gentri's own scorers were not trained on, and all where
            there are none of these.

    Raises:
        InputError: no clip is of one of the subjects.
    """
    known = sorted({clip.subject for clip in clips})
    if missing := [name for name in subjects or () if name not in known]:
        raise InputError(
            f"there is no motion of subject {', '.join(missing)}",
            f"there are: {', '.join(known)}",
        )
    unseen = [name for name in TEST_SUBJECTS if name in known]
    chosen = list(subjects or unseen or known)
    words = f"subjects {', '.join(chosen)}"
    if subjects is None:
        words += ": those kept out of training" if unseen else ": all that there are"
    return tuple(clip for clip in clips if clip.subject in chosen), words


def _take(
    suite: Suite, views: int, clips: tuple[Clip, ...], moving: bool, seed: tuple[int, int]
) -> EvaluationSet:
    # A stream for each: other cameras or other errors leave the person's way as it is.
    way, place, errors = (np.random.default_rng([*seed, part]) for part in range(3))
    walk = mocap_take(way, clips, seconds=SECONDS, moving=moving)
    rig = suite.rig(place, views)
    keypoints = suite.detect(observe(rig, walk), walk, rig, errors)
    return joined(f"{suite.name} {seed[1]}", rig, [(keypoints, walk.xyz)])


def _real_like(exact: Keypoints2D, walk: Walk, rig: Rig, rng: np.random.Generator) -> Keypoints2D:
    """Another detector in every take."""
    return real_like_noise(exact, walk, rig, rng, detector=_own_detector(rng))


def _biased(exact: Keypoints2D, walk: Walk, rig: Rig, rng: np.random.Generator) -> Keypoints2D:
    """Sketched errors about the places where a detector with habits sees the joints."""
    detector = _own_detector(rng)
    share = by_azimuth(detector, rig, walk)
    bias = share * person_size(exact.xy_px)[..., None, None] + redefined(detector, rig, walk)
    xy_px = (exact.xy_px + bias).astype(np.float32)
    return sketch_noise(replace(exact, xy_px=xy_px), walk, rig, rng)


def _slow(exact: Keypoints2D, walk: Walk, rig: Rig, rng: np.random.Generator) -> Keypoints2D:
    """The same errors in another order: those of a joint keep their size and side for a while."""
    return sketch_noise(exact, walk, rig, _SlowTails(rng.bit_generator))


def _scored(exponent: float, errors: Detect = sketch_noise) -> Detect:
    """Errors as they are, scores taken to a power."""

    def detect(exact: Keypoints2D, walk: Walk, rig: Rig, rng: np.random.Generator) -> Keypoints2D:
        noisy = errors(exact, walk, rig, rng)
        score = np.where(np.isfinite(noisy.score), noisy.score**exponent, np.nan)
        return replace(noisy, score=score.astype(np.float32))

    return detect


def _own_detector(rng: np.random.Generator) -> Detector:
    """From a stream of its own, so that the draws of the errors stay as they are."""
    return random_detector(rng.spawn(1)[0])


class _SlowTails(np.random.Generator):
    """Draws as any generator, but Student's t remembers along axis 1, time.

    A Gaussian AR(1) with t's distribution: each single value is as likely as ever.
    """

    def standard_t(self, df: Any, size: Any = None) -> FloatArray:
        """Of the same distribution, correlated from tick to tick."""
        from scipy.stats import norm, t

        out = np.asarray(norm.ppf(t.cdf(super().standard_t(df, size), df)))
        for tick in range(1, out.shape[1]):
            fresh = np.sqrt(1 - CORRELATION**2) * out[:, tick]
            out[:, tick] = CORRELATION * out[:, tick - 1] + fresh
        return t.ppf(norm.cdf(out), df)


def _even_ring(rng: np.random.Generator, views: int) -> Rig:
    arc_deg = 360.0 if views > 2 else PAIR_ARC_DEG
    return camera_ring(views, arc_deg=arc_deg, start_deg=rng.uniform(0.0, 360.0))


def _arc(rng: np.random.Generator, views: int) -> Rig:
    return random_ring(rng, views, arc_deg=rng.uniform(*ARC_DEG))


SUITES = {
    s.name: s
    for s in (
        Suite("sketch", "errors new in every frame, heavy-tailed, larger for hidden joints"),
        Suite("real-like", "errors of real detections: biased by view and joint, slow", _real_like),
        Suite("real-like-unscored", "real-like, all scores 1", _scored(0.0, _real_like)),
        Suite("bias", "sketch, seen with a detector's habits: by joint and side", _biased),
        Suite("flat-scores", "sketch, all scores 1", _scored(0.0)),
        Suite("squared-scores", "sketch, scores squared", _scored(2.0)),
        Suite("noise-0.3", "sketch, errors × 0.3", partial(sketch_noise, strength=0.3)),
        Suite("noise-0.5", "sketch, errors × 0.5", partial(sketch_noise, strength=0.5)),
        Suite("noise-2", "sketch, errors × 2", partial(sketch_noise, strength=2.0)),
        Suite("slow", "sketch, errors of a joint correlated by 0.8 over 0.1 s", _slow),
        Suite("even-ring", "sketch, equal cameras evenly on a ring", rig=_even_ring),
        Suite("arc", "sketch, cameras on an arc of 60° to 120°", rig=_arc),
    )
}
