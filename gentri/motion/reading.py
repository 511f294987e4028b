"""Clips from files and folders of motion, whatever their format."""

import logging
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from gentri.data import FloatArray
from gentri.errors import InputError
from gentri.motion.acclaim import read_amc
from gentri.motion.bvh import read_bvh
from gentri.motion.c3d import read_c3d
from gentri.motion.joints import mocap_joints, require_bones
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
BRIDGED_S = 0.1  # longest gap of a joint that is filled in
_SHOWN = 3  # joints in a message

_LOG = logging.getLogger(__name__)


def read_motion(path: str | os.PathLike[str]) -> tuple[Clip, ...]:
    """All clips of a file, or of all files in a folder and below it, in the order of their paths.

    Formats: npz as in `examples/cmu_mocap`, AMC with its ASF beside it (120 Hz, as CMU's are), BVH,
    C3D. Where joints were not measured for a while, a clip falls into several. Files of a folder
    and clips of an npz that cannot serve are left out, and the log says why.

    The subject, by which data are split, is the number in front in CMU's names (`35_07.amc`), else
    the name of the folder that the file is in, else, for files that are given or lie in the given
    folder itself, the name of the file.

    Returns:
        Clips at 10 Hz, metres, z up.

    Raises:
        InputError: nothing can serve; it says why.
    """
    root = Path(path)
    if not root.exists():
        raise InputError(f"{root} does not exist", "check the path")
    if not root.is_dir():
        return tuple(_clips(root, root))
    files = sorted(p for p in root.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
    if not files:
        raise InputError(f"{root} holds no motion", f"give files of {', '.join(_SUFFIXES)}")
    return _usable(root, [partial(_clips, file, root) for file in files])


def _usable(whole: Path, parts: Sequence[Callable[[], Iterable[Clip]]]) -> tuple[Clip, ...]:
    """Clips of the parts that can serve; InputError where there are none."""
    clips: list[Clip] = []
    refused: list[InputError] = []
    for part in parts:
        try:
            clips += part()
        except InputError as error:
            refused.append(error)
    if not clips:
        first = refused[0]
        if len(refused) == 1:
            raise first
        found = f"none of the {len(refused)} motions in it can serve; the first: {first.message}"
        raise refusal(whole, found, first.hint)
    for error in refused:
        _LOG.warning("left out: %s", error.message)
    return tuple(clips)


def _clips(file: Path, root: Path) -> Iterable[Clip]:
    suffix = file.suffix.lower()
    if suffix == ".npz":
        return _usable(file, [partial(_of_npz, clip, file / clip.name) for clip in _stored(file)])
    if suffix not in READERS:
        raise refusal(file, "is no motion", f"give a file of {', '.join(_SUFFIXES)}, or a folder")
    motion = READERS[suffix](file)
    inside = file.relative_to(root) if root.is_dir() else Path(file.name)
    name = inside.with_suffix("").as_posix()
    clip = Clip(name, _subject(inside), mocap_joints(motion.joints, file))
    return _pieces(clip, motion.fps, motion.metres, file)


def _of_npz(clip: Clip, path: Path) -> Iterator[Clip]:
    if clip.xyz.ndim != 3 or clip.xyz.shape[1:] != (len(MOCAP_JOINTS), 3):
        raise refusal(
            path,
            f"has the shape {clip.xyz.shape}, not (T, {len(MOCAP_JOINTS)}, 3)",
            f"joints: {' '.join(MOCAP_JOINTS)}",
        )
    require_bones(dict(zip(MOCAP_JOINTS, np.moveaxis(clip.xyz, 1, 0), strict=True)), path)
    return _pieces(clip, CLIP_FPS, None, path)


def _pieces(clip: Clip, fps: float, metres: float | None, path: Path) -> Iterator[Clip]:
    """The stretches in which every joint was measured, from the file's unit, axes and rate."""
    xyz = _bridged(clip.xyz, fps)
    pieces = [p for p in _unbroken(xyz) if len(p) >= SHORTEST_S * fps]
    if not pieces:
        raise _too_short(xyz, fps, path)
    upright = z_up(in_metres(np.concatenate(pieces), metres, path), path)
    cuts = np.cumsum([len(piece) for piece in pieces])[:-1]
    for number, piece in enumerate(np.split(upright, cuts), start=1):
        name = f"{clip.name}#{number}" if len(pieces) > 1 else clip.name
        yield replace(clip, name=name, xyz=resampled(piece, fps, CLIP_FPS))


def _bridged(xyz: FloatArray, fps: float) -> FloatArray:
    """Joints (T, 15, 3) with short gaps filled in along straight lines."""
    longest = int(BRIDGED_S * fps + 1e-9)
    out = xyz.copy()
    for joint in range(xyz.shape[1]):
        measured = np.flatnonzero(np.isfinite(xyz[:, joint]).all(axis=-1))
        gaps = np.diff(measured) - 1
        for i in np.flatnonzero((gaps > 0) & (gaps <= longest)):
            a, b = measured[i : i + 2]
            out[a : b + 1, joint] = np.linspace(xyz[a, joint], xyz[b, joint], b - a + 1)
    return out


def _unbroken(xyz: FloatArray) -> list[FloatArray]:
    """The stretches (T, 15, 3) in which every joint was measured."""
    whole = np.isfinite(xyz).all(axis=(1, 2))
    edges = np.flatnonzero(np.diff(np.r_[0, whole, 0])).reshape(-1, 2)
    return [xyz[first:last] for first, last in edges]


def _too_short(xyz: FloatArray, fps: float, path: Path) -> InputError:
    if len(xyz) < SHORTEST_S * fps:
        return refusal(
            path, f"lasts {len(xyz) / fps:.2g} s", f"give motion of at least {SHORTEST_S:g} s"
        )
    missing = 100 * (~np.isfinite(xyz).all(axis=-1)).mean(axis=0)
    worst = [i for i in np.argsort(-missing, kind="stable")[:_SHOWN] if missing[i]]
    return refusal(
        path,
        f"in no {SHORTEST_S:g} s every joint is there; missing: "
        + ", ".join(f"{MOCAP_JOINTS[i]} for {missing[i]:.2g} % of the time" for i in worst),
        "fill the gaps, or leave it out",
    )


def _subject(inside: Path) -> str:
    """Of a file by its path below the given folder."""
    named = _CMU_NAME.fullmatch(inside.stem)
    if named:
        return named["subject"]
    return inside.parent.name or inside.stem


def _stored(file: Path) -> tuple[Clip, ...]:
    hint = "give an npz of clips, as examples/cmu_mocap"
    try:
        clips = read_clips(file)
    except OSError as error:
        raise refusal(file, f"cannot be read: {error.strerror or error}", hint) from error
    # What else may be in a zip has no `astype`, what is no zip no `with`.
    except (ValueError, TypeError, AttributeError, EOFError, BadZipFile, zlib.error) as error:
        raise refusal(file, "is no whole npz of arrays of numbers", hint) from error
    if not clips:
        raise refusal(file, "is empty", hint)
    return clips
