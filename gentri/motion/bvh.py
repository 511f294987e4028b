"""BVH: a hierarchy of offsets, and channels of translations and angles per frame.

A joint lies at its parent, plus its offset, or its translation where it has one. Its rotation is
the product of its channels in the order in which they stand (Biovision's Z X Y, or any other).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

import numpy as np

from gentri.data import FloatArray
from gentri.motion.recording import MotionFile, read_lines, refusal
from gentri.motion.rotations import chained

_HINT = "export the file again as BVH"


@dataclass(frozen=True, eq=False)
class _Joint:
    name: str
    parent: int  # −1 for the root
    offset: FloatArray
    channels: tuple[str, ...]  # "xposition", "zrotation" …


def read_bvh(path: Path) -> MotionFile:
    """Read the joints of one person.

    Raises:
        InputError: it is no BVH, is broken off, or holds two people.
    """
    lines = read_lines(path)
    start = next((i for i, line in enumerate(lines) if line.strip().upper() == "MOTION"), None)
    if start is None:
        raise refusal(path, "no line MOTION", _HINT)
    try:
        joints = _hierarchy(iter(" ".join(lines[:start]).split()))
        frames, frame_s, values = _motion(lines[start + 1 :])
    except (StopIteration, ValueError, IndexError) as error:
        raise refusal(path, f"is no whole BVH ({error or 'it breaks off'})", _HINT) from error
    if sum(joint.parent < 0 for joint in joints) != 1:
        raise refusal(path, "more than one ROOT", "export each person to a file of its own")
    channels = sum(len(joint.channels) for joint in joints)
    if values.shape != (frames, channels):
        raise refusal(
            path,
            f"{frames} frames of {channels} channels are announced, and "
            f"{values.shape[0]} × {values.shape[1]} numbers there",
            _HINT,
        )
    if not (frames and frame_s > 0 and np.isfinite(values).all()):
        raise refusal(path, "no frames, no frame time, or values that are no numbers", _HINT)
    return MotionFile(_positions(joints, values), 1 / frame_s, None)


def _hierarchy(tokens: Iterator[str]) -> list[_Joint]:
    joints: list[_Joint] = []
    stack: list[int] = []
    for token in tokens:
        word = token.upper()
        if word in ("ROOT", "JOINT", "END"):
            name = " ".join(takewhile(lambda token: token != "{", tokens))  # blanks may be in it
            name = "" if word == "END" else name  # "Site"
            joints.append(_Joint(name, stack[-1] if stack else -1, np.zeros(3), ()))
            stack.append(len(joints) - 1)
        elif word == "OFFSET":
            offset = np.array([_number(next(tokens)) for _ in range(3)])
            joints[stack[-1]] = replace(joints[stack[-1]], offset=offset)
        elif word == "CHANNELS":
            channels = tuple(next(tokens).lower() for _ in range(int(next(tokens))))
            if not all(c[1:] in ("position", "rotation") and c[0] in "xyz" for c in channels):
                raise ValueError(f"channels {' '.join(channels)}")
            joints[stack[-1]] = replace(joints[stack[-1]], channels=channels)
        elif word == "}":
            stack.pop()
        elif word != "HIERARCHY":
            raise ValueError(f"the word {token!r}")
    if stack:
        raise ValueError("a brace is not closed")
    return joints


def _motion(lines: list[str]) -> tuple[int, float, FloatArray]:
    """Number of frames, seconds per frame and the table of values."""
    filled = [line.strip() for line in lines if line.strip()]
    (frames, frame_time), rows = [*filled[:2], "", ""][:2], filled[2:]
    if not (frames.startswith("Frames:") and frame_time.startswith("Frame Time:")):
        raise ValueError("the lines Frames: and Frame Time: are missing")
    numbers = [[_number(word) for word in row.split()] for row in rows]
    for i, row in enumerate(numbers, start=1):
        if len(row) != len(numbers[0]):
            raise ValueError(f"frame {i} has {len(row)} numbers, the first {len(numbers[0])}")
    count = int(frames.partition(":")[2])
    values = np.array(numbers, dtype=np.float64)
    return count, _number(frame_time.partition(":")[2]), values.reshape(len(rows), -1)


def _number(word: str) -> float:
    """Some programs write the decimal comma of the machine's language."""
    return float(word.replace(",", "."))


def _positions(joints: list[_Joint], values: FloatArray) -> dict[str, FloatArray]:
    """Joints that have a name → (T, 3)."""
    xyz: list[FloatArray] = []
    R: list[FloatArray] = []
    column = 0
    for joint in joints:
        mine = dict(enumerate(joint.channels, column))
        column += len(mine)
        local = np.tile(joint.offset, (len(values), 1))
        for i, channel in mine.items():
            if channel.endswith("position"):
                local[:, "xyz".index(channel[0])] = values[:, i]
        turning = {i: channel[0] for i, channel in mine.items() if channel.endswith("rotation")}
        turn = chained("".join(turning.values()), np.radians(values[:, list(turning)]))
        above = joint.parent
        xyz.append(local if above < 0 else xyz[above] + (R[above] @ local[..., None])[..., 0])
        R.append(turn if above < 0 else R[above] @ turn)
    return {joint.name: at for joint, at in zip(joints, xyz, strict=True) if joint.name}
