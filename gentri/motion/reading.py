"""Clips from files and folders of motion, whatever their format."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gentri.data import FloatArray
from gentri.errors import InputError
from gentri.motion.acclaim import read_amc
from gentri.motion.bvh import read_bvh
from gentri.motion.c3d import read_c3d
from gentri.motion.joints import mocap_joints
from gentri.motion.recording import MotionFile, refusal
from gentri.motion.upright import in_metres, z_up
from gentri.synthetic.bodies import MOCAP_JOINTS
from gentri.synthetic.mocap import CLIP_FPS, SHORTEST_S, Clip, read_clips, resampled

READERS: dict[str, Callable[[Path], MotionFile]] = {
    ".amc": read_amc,
    ".bvh": read_bvh,
    ".c3d": read_c3d,
}
_SUFFIXES = (".npz", *READERS)
# CMU's files are called after subject and take.
_CMU_NAME = re.compile(r"(?P<subject>\d+)_\d+")


def read_motion(path: str | os.PathLike[str]) -> tuple[Clip, ...]:
    """All clips of a file, or of all files in a folder and below it, in the order of their paths.

    Formats: npz as in `examples/cmu_mocap`, AMC with its ASF beside it (120 Hz, as CMU's are), BVH,
    C3D. Where joints were not measured for a while, a clip falls into several.

    The subject, by which data are split, is the number in front in CMU's names (`35_07.amc`), else
    the name of the folder that the file is in, else, for files that are given or lie in the given
    folder itself, the name of the file.

    Returns:
        Clips at 10 Hz, metres, z up.

    Raises:
        InputError: no motion, or a file that cannot serve; it says why.
    """
    root = Path(path)
    if not root.exists():
        raise InputError(f"{root} does not exist", "check the path")
    files = [root]
    if root.is_dir():
        files = sorted(p for p in root.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
    clips = tuple(clip for file in files for clip in _clips(file, root))
    if not clips:
        raise InputError(
            f"{root} holds no motion",
            f"give files of {', '.join(_SUFFIXES)}, at least a second long",
        )
    return clips


def _clips(file: Path, root: Path) -> Iterator[Clip]:
    suffix = file.suffix.lower()
    if suffix == ".npz":
        yield from _stored(file)
        return
    if suffix not in READERS:
        raise refusal(file, "is no motion", f"give a file of {', '.join(_SUFFIXES)}, or a folder")
    motion = READERS[suffix](file)
    xyz = mocap_joints(motion.joints, file)
    pieces = [p for p in _unbroken(xyz) if len(p) >= SHORTEST_S * motion.fps]
    if not pieces:
        return
    whole = np.concatenate(pieces)
    upright = z_up(in_metres(whole, motion.metres, file), file)
    cuts = np.cumsum([len(piece) for piece in pieces])[:-1]
    inside = file.relative_to(root) if root.is_dir() else Path(file.name)
    name = inside.with_suffix("").as_posix()
    for number, piece in enumerate(np.split(upright, cuts), start=1):
        part = f"{name}#{number}" if len(pieces) > 1 else name
        yield Clip(part, _subject(inside), resampled(piece, motion.fps, CLIP_FPS))


def _subject(inside: Path) -> str:
    """Of a file by its path below the given folder."""
    named = _CMU_NAME.fullmatch(inside.stem)
    if named:
        return named["subject"]
    return inside.parent.name or inside.stem


def _unbroken(xyz: FloatArray) -> list[FloatArray]:
    """The stretches (T, 15, 3) in which every joint was measured."""
    whole = np.isfinite(xyz).all(axis=(1, 2))
    edges = np.flatnonzero(np.diff(np.r_[0, whole, 0])).reshape(-1, 2)
    return [xyz[first:last] for first, last in edges]


def _stored(file: Path) -> tuple[Clip, ...]:
    try:
        clips = read_clips(file)
    except (OSError, ValueError) as error:
        raise refusal(file, f"cannot be read ({error})", "give an npz of clips") from error
    for clip in clips:
        if clip.xyz.ndim != 3 or clip.xyz.shape[1:] != (len(MOCAP_JOINTS), 3):
            raise refusal(
                file,
                f"{clip.name} has the shape {clip.xyz.shape}, not (T, {len(MOCAP_JOINTS)}, 3)",
                f"joints: {' '.join(MOCAP_JOINTS)}",
            )
    return clips
