"""People read from files, frame by frame, gathered into the recording of one camera."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.errors import InputError
from gentri.keypoints.recording import Recording
from gentri.keypoints.scores import unit_scores

# Frames without a file count as frames with nobody, but not without end: more than this many times
# the frames that are there, and so many besides, are numbers that count something else.
_MOST_TIMES, _MOST_MORE = 50, 10_000


class Person(NamedTuple):
    """A person in a frame: joints (J, 2), scores (J,), both float32, NaN where not seen.

    Scores are as the files tell them.
    """

    xy_px: FloatArray
    score: FloatArray


class Frame(NamedTuple):
    """A frame's number, everyone in it, and the file that says so."""

    number: int
    people: list[Person]
    file: Path


def person_of(xy: Any, score: Any) -> Person:
    """A person from joints (J, 2) and scores (J,), or None where there are no scores.

    Joints at exactly (0, 0), with a score of 0, and without numbers were not detected.

    Raises:
        ValueError: not numbers, or not as many scores as joints.
    """
    joints = np.array(xy, dtype=np.float32)
    if joints.ndim != 2 or joints.shape[1] != 2:
        raise ValueError(
            f"joints are of shape {joints.shape}, needed x and y each, and scores in a list of "
            "their own (keypoint_scores)"
        )
    known = np.array(np.ones(len(joints)) if score is None else score, dtype=np.float32)
    if known.shape != (len(joints),):
        raise ValueError(f"{known.size} scores for {len(joints)} joints")
    seen = np.isfinite(joints).all(-1) & (joints != 0).any(-1) & (known > 0)
    joints[~seen], known[~seen] = np.nan, np.nan
    return Person(joints, known)


def recording_of(frames: Iterable[Frame], joints: tuple[str, ...] = ()) -> Recording:
    """The frames of one camera, in the order of their numbers, gaps filled with nobody.

    Args:
        frames: at least one, in any order.
        joints: names, where the files tell them.

    Raises:
        InputError: a number twice, numbers far apart, people of different joint counts, or nobody.
    """
    by_number = _by_number(frames)
    numbers = np.array(sorted(by_number), dtype=np.int64)
    _check_numbers(numbers, by_number)
    _check_joints(by_number)
    count = np.zeros(numbers[-1] - numbers[0] + 1, dtype=np.int32)
    count[numbers - numbers[0]] = [len(by_number[n].people) for n in numbers]
    everyone = [person for n in numbers for person in by_number[n].people]
    xy_px = np.stack([person.xy_px for person in everyone])
    score, said = unit_scores(xy_px, np.stack([person.score for person in everyone]))
    return Recording(
        number=np.arange(numbers[0], numbers[-1] + 1),
        count=count,
        xy_px=xy_px,
        score=score,
        box_px=np.concatenate([np.nanmin(xy_px, axis=1), np.nanmax(xy_px, axis=1)], axis=1),
        track=np.full(len(everyone), -1, dtype=np.int32),
        joints=joints,
        skeleton="",
        time_s=np.empty(0),
        size_px=np.zeros(2, dtype=np.int32),
        said_of_scores=said,
    )


def _by_number(frames: Iterable[Frame]) -> dict[int, Frame]:
    found: dict[int, Frame] = {}
    for number, people, file in frames:
        if number in found:
            raise InputError(
                f"frame {number} is there twice: in {found[number].file} and in {file.name}",
                "keep the files of one take of one camera alone in their folder",
            )
        seen = [person for person in people if np.isfinite(person.score).any()]
        found[number] = Frame(number, seen, file)
    return found


def _check_numbers(numbers: NDArray[np.int64], frames: Mapping[int, Frame]) -> None:
    span = int(numbers[-1] - numbers[0]) + 1
    if span > _MOST_TIMES * len(numbers) + _MOST_MORE:
        first, last = (frames[int(n)].file for n in (numbers[0], numbers[-1]))
        raise InputError(
            f"{first.parent}: {len(numbers)} frames have numbers from {numbers[0]} ({first.name}) "
            f"to {numbers[-1]} ({last.name})",
            "the last number of a file's name must be that of the frame, as in "
            "cam01_000012_keypoints.json",
        )


def _check_joints(frames: Mapping[int, Frame]) -> None:
    """One joint count for everybody, and somebody at all."""
    found: tuple[int, Path] | None = None
    for frame in frames.values():
        for person in frame.people:
            joints, file = found or (len(person.score), frame.file)
            if len(person.score) != joints:
                raise InputError(
                    f"{frame.file}: a person of frame {frame.number} has {len(person.score)} "
                    f"joints; in {file.name} people have {joints}",
                    "use the files of one detector for all frames",
                )
            found = joints, file
    if found is None:
        raise InputError(
            f"nobody is in any of the {len(frames)} frames of {next(iter(frames.values())).file}"
            + (" and the files beside it" if len(frames) > 1 else ""),
            "leave this camera out, or detect again",
        )
