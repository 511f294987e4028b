"""Cameras from keypoints, 3D from keypoints and cameras, and files of cameras."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from gentri.api.settings import params_of
from gentri.api.warning import warn_caller
from gentri.api.wording import in_python, refusing_in_python
from gentri.data import FloatArray, Intrinsics, Keypoints2D, PathLike, Poses3D, Rig
from gentri.errors import PoorResultWarning, UsableResultWarning, UsageError

if TYPE_CHECKING:
    from gentri.geometry.alignment import KnownPlaces
    from gentri.geometry.person_rig import PersonRig
    from gentri.geometry.verdict import Verdict

Size = tuple[int, int]


@refusing_in_python()
def calibrate(
    keypoints: Keypoints2D | Sequence[Keypoints2D],
    *,
    stature_m: float | None = None,
    intrinsics: Rig | Mapping[str, Intrinsics] | PathLike | None = None,
    world: Rig | Mapping[str, ArrayLike] | PathLike | None = None,
    **settings: Any,
) -> Rig:
    """Cameras from one person who walks through their views.

    Args:
        keypoints: of the person; or several takes of the same cameras in the same places.
        stature_m: height of the person, of the first take, metres. Without it, and without
            `camera_distance` or `bone_length` or `world`, an average adult is assumed.
        intrinsics: lenses that are known, by camera name, of a rig, or a file of either; may hold
            others, too.
        world: camera positions (3,) in metres by name, a rig, or a file of either: the world to
            use; may hold others, too.
        settings: the other settings of [calibrate] in default.toml by name, such as
            `camera_distance="cam01:cam03=4.2"`.

    Returns:
        The rig in metres, z up; `scale_sigma` says how sure its scale is.

    Warns:
        PoorResultWarning: the rig is not to be trusted; the text says why and what to do.
        UsableResultWarning: expect less accuracy than usual; the text says why.
        UserWarning: a name in `intrinsics` or `world` is no camera's, and a camera has nothing
            there.

    Raises:
        CalibrationError: the cameras cannot be made out.
        InputError: files or takes that do not belong together.
        UsageError: an unknown setting, a value that it cannot have, one camera alone, or a take
            given twice.
    """
    rig, verdict = _calibrated(keypoints, stature_m, intrinsics, world, settings)
    if verdict.level != "good":
        poor = verdict.level == "poor"
        said = verdict.poor if poor else [reason.text for reason in verdict.reasons]
        category = PoorResultWarning if poor else UsableResultWarning
        text = f"{'; '.join(said)} (gentri.calibrate_judged gives the figures)"
        warn_caller(in_python(text), category)
    return rig


@refusing_in_python()
def calibrate_judged(
    keypoints: Keypoints2D | Sequence[Keypoints2D],
    *,
    stature_m: float | None = None,
    intrinsics: Rig | Mapping[str, Intrinsics] | PathLike | None = None,
    world: Rig | Mapping[str, ArrayLike] | PathLike | None = None,
    **settings: Any,
) -> "tuple[Rig, Verdict]":
    """`calibrate`, without its warnings, and what tests of the rig say.

    Returns:
        The rig, and the verdict: its `level` ("good", "usable" or "poor"), the `reasons` for it,
        and the `measures` that it rests on; `as_json()` has all of these as plain values.
    """
    return _calibrated(keypoints, stature_m, intrinsics, world, settings)


def _calibrated(
    keypoints: Keypoints2D | Sequence[Keypoints2D],
    stature_m: float | None,
    intrinsics: Rig | Mapping[str, Intrinsics] | PathLike | None,
    world: Rig | Mapping[str, ArrayLike] | PathLike | None,
    settings: dict[str, Any],
) -> "tuple[Rig, Verdict]":
    from gentri.geometry.person_rig import Known, estimate_rig
    from gentri.stages import calibrate as stage
    from gentri.stages.calibrate_inputs import scale_reference

    if settings.pop("subject", None):
        raise UsageError("keypoints are of one person already", "leave the setting subject out")
    if stature_m is not None:
        settings["stature_m"] = stature_m
    params = params_of(stage.STAGE, settings)
    takes = [_scored(take, params.min_score) for take in _takes(keypoints)]
    sizes = {n: s for take in takes for n, s in zip(take.cameras, _sizes(take), strict=True)}
    known = Known(_lenses(intrinsics, sizes), scale_reference(params), _places(world, sizes))
    solved = estimate_rig(takes, params, known)
    return solved.rig, _verdict(takes, solved)


def _verdict(takes: Sequence[Keypoints2D], solved: "PersonRig") -> "Verdict":
    """Of the rig, and of the places that it was put to."""
    from gentri.geometry.trust.reasons import Reason
    from gentri.geometry.verdict import judge

    verdict = judge(takes, solved.rig, solved.found)
    misplaced = [Reason("world", "poor", text) for text in solved.misplaced()]
    if not misplaced:
        return verdict
    poor = [reason for reason in verdict.reasons if reason.level == "poor"]
    rest = verdict.reasons[len(poor) :]
    return replace(verdict, level="poor", reasons=(*poor, *misplaced, *rest))


@refusing_in_python()
def triangulate(
    keypoints: Keypoints2D, rig: Rig, *, scorer: PathLike | None = None, **settings: Any
) -> Poses3D:
    """The person in 3D.

    Args:
        keypoints: of one person.
        rig: of these cameras, in any order; may hold others, too.
        scorer: weights of `gentri train` for the learned method, in place of gentri's own.
        settings: settings of [triangulate] in default.toml by name.

    Raises:
        InputError: the rig lacks a camera, or is for other pictures.
        UsageError: an unknown setting, a value that it cannot have, one camera alone, or other
            things than these.
        WeightsError: the file is none of a scorer.
    """
    from gentri.geometry.matching import matched_rig
    from gentri.stages import triangulate as stage

    params = params_of(stage.STAGE, settings)
    _require_keypoints(keypoints)
    _require_two(keypoints.cameras, "3D needs")
    if not isinstance(rig, Rig):
        raise UsageError(
            f"the rig is a {type(rig).__name__}, needed a Rig",
            "give what calibrate or read_rig returns",
        )
    own, _ = matched_rig(rig, keypoints.cameras, keypoints.size_px, "the rig")
    scored = _scored(keypoints, params.min_score)
    weights = None if scorer is None else Path(scorer)
    return stage.triangulate_subject(scored, own, params, scorer=weights)


def read_rig(path: PathLike) -> Rig:
    """Read cameras of any format that gentri knows: see docs/formats.md.

    Raises:
        InputError: it is no rig, or holds what gentri's cameras cannot.
    """
    from gentri.rigs import formats

    return formats.read_rig(Path(path))


def write_rig(rig: Rig, path: PathLike, tool: str = "gentri") -> None:
    """Write cameras for gentri, or for another tool.

    Args:
        rig: the cameras.
        path: file, or folder where the tool has several files.
        tool: "gentri", or a name that `export.formats` takes for rigs.

    Raises:
        InputError: the format cannot hold this rig.
        UsageError: no such tool.
    """
    from gentri.rigs import formats, native

    writers = {"gentri": native.write, **{n: w.write for n, w in formats.WRITERS.items()}}
    if tool not in writers:
        raise UsageError.unknown("rig format", tool, writers)
    writers[tool](rig, Path(path))


def _takes(given: Any) -> list[Keypoints2D]:
    """One take or several, each once, of two cameras or more.

    Raises:
        UsageError: they are something else.
    """
    several = isinstance(given, Sequence) and not isinstance(given, str)
    takes: list[Any] = list(given) if several else [given]
    if not takes:
        raise UsageError("no take was given", "give the keypoints of one take or more")
    for take in takes:
        _require_keypoints(take)
    _require_two(sorted({name for take in takes for name in take.cameras}), "calibration needs")
    for (i, a), (j, b) in combinations(enumerate(takes, start=1), 2):
        if twice := _same_views(a, b):
            raise UsageError(
                f"takes {i} and {j} show the same in {', '.join(twice)}: counted twice, a "
                "recording would seem surer than it is",
                "give every take once",
            )
    return takes


def _require_keypoints(given: Any) -> None:
    if isinstance(given, Keypoints2D):
        given.require_ascending()
        return
    files = isinstance(given, str | os.PathLike)
    raise UsageError(
        f"keypoints are a {type(given).__name__}, needed Keypoints2D",
        f"read the files first: gentri.read_keypoints({str(given)!r})"
        if files
        else "make them of arrays by gentri.keypoints_from_arrays, or of files by read_keypoints",
    )


def _require_two(cameras: Sequence[str], needs: str) -> None:
    if len(cameras) < 2:
        raise UsageError(
            f"only one camera was given: {', '.join(cameras) or 'none'}; {needs} at least two that "
            "see the person together",
            "give the keypoints of all cameras of a take as one Keypoints2D",
        )


def _same_views(a: Keypoints2D, b: Keypoints2D) -> list[str]:
    """Cameras that saw exactly the same in two takes: detectors never repeat themselves."""
    shared = [name for name in a.cameras if name in b.cameras]
    views = [(a.xy_px[a.cameras.index(n)], b.xy_px[b.cameras.index(n)]) for n in shared]
    return [
        name
        for name, (x, y) in zip(shared, views, strict=True)
        if np.isfinite(x).any() and np.array_equal(x, y, equal_nan=True)
    ]


def _scored(keypoints: Keypoints2D, min_score: float) -> Keypoints2D:
    """Without joints that are nowhere or score less, with scores from 0 to 1."""
    from gentri.keypoints.scores import unit_scores

    score, said = unit_scores(keypoints.xy_px, keypoints.score)
    if said:
        warn_caller(said)
    low = ~(score >= min_score)
    xy = np.where(low[..., None], np.float32(np.nan), keypoints.xy_px)
    return replace(keypoints, xy_px=xy, score=np.where(low, np.float32(np.nan), score))


def _sizes(keypoints: Keypoints2D) -> list[Size]:
    return [(int(width), int(height)) for width, height in keypoints.size_px]


def _lenses(
    given: Rig | Mapping[str, Intrinsics] | PathLike | None, sizes: Mapping[str, Size]
) -> dict[str, Intrinsics]:
    from gentri.rigs.formats import read_intrinsics
    from gentri.rigs.values import intrinsics_of

    if given is None:
        return {}
    path: Path | None = None
    if isinstance(given, Rig):
        found = {camera.name: intrinsics_of(camera) for camera in given.cameras}
    elif isinstance(given, Mapping):
        found = {name: _lens(name, lens) for name, lens in given.items()}
    elif isinstance(given, (str, os.PathLike)):
        path = Path(given)
        found = read_intrinsics(path, sizes)
    else:
        raise UsageError(
            f"intrinsics are a {type(given).__name__}",
            "give a file, a Rig, or gentri.Intrinsics by camera name",
        )
    matched = _matched(tuple(found), tuple(sizes), path, "intrinsics", "lens")
    return {camera: found[name] for name, camera in matched.items()}


def _lens(name: str, given: Any) -> Intrinsics:
    if not isinstance(given, Intrinsics):
        raise UsageError(
            f"intrinsics: the lens of {name} is a {type(given).__name__}, needed gentri.Intrinsics",
            'make it of a matrix: gentri.Intrinsics(width, height, K, dist, "given", 0.0), with K '
            "(3, 3) and dist (5,) of float64",
        )
    return given


def _places(
    given: Rig | Mapping[str, ArrayLike] | PathLike | None, sizes: Mapping[str, Size]
) -> "KnownPlaces | None":
    from gentri.geometry.alignment import KnownPlaces, require_places
    from gentri.rigs.places import read_places

    if given is None:
        return None
    path = Path(given) if isinstance(given, (str, os.PathLike)) else None
    if isinstance(given, Rig):
        source = given
    elif isinstance(given, Mapping):
        source = {name: _position(name, p) for name, p in given.items()}
    else:
        source = read_places(Path(given), sizes)
    places = KnownPlaces.of(source)
    matched = _matched(tuple(places.center_m), tuple(sizes), path, "world", "position")
    require_places(tuple(matched), tuple(sizes), places)
    return places.renamed(matched)


def _matched(
    found: tuple[str, ...], cameras: tuple[str, ...], path: Path | None, argument: str, what: str
) -> dict[str, str]:
    """Name → camera; a name left over beside a camera left without is warned of.

    Raises:
        InputError: as `require_some_matched`.
    """
    from gentri.geometry.matching import (
        RENAME,
        left_over,
        require_some_matched,
        said_of_left_over,
    )
    from gentri.rigs.formats import renaming

    source = argument if path is None else str(path)
    rename = RENAME if path is None else renaming(path)
    matched = require_some_matched(found, cameras, source, rename)
    others, without = left_over(found, cameras, matched)
    if others and without:
        warn_caller(said_of_left_over(source, what, others, without))
    return matched


def _position(name: str, given: ArrayLike) -> FloatArray:
    try:
        place = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        place = np.empty(0)
    if place.shape != (3,) or not np.isfinite(place).all():
        raise UsageError(
            f"world: the position of {name} is {given!r}", "needed x, y and z in metres, z up"
        )
    return place
