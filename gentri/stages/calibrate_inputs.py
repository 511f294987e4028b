"""What calibrate reads from elsewhere: a rig, lenses, a world, other takes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gentri.data import Intrinsics, Keypoints2D, Rig
from gentri.errors import GentriError, InputError, SessionError, UsageError
from gentri.pipeline.stage import Context

if TYPE_CHECKING:
    from gentri.geometry.alignment import KnownPlaces
    from gentri.geometry.scale import ScaleReference
    from gentri.pipeline.session import Session

Sizes = Mapping[str, tuple[int, int]]

# Files of rigs and lenses; a folder may hold pictures beside them.
_CAMERA_FILES = {".toml", ".yml", ".yaml", ".txt", ".json"}
# What is read of another take, relative to its session.
_TAKE_PARTS = ("detect", "frames/timeline.npz", "calibrate/subject.npz")


def digests(session: "Session", _params: Any) -> dict[str, str]:
    """Of every file from elsewhere that counts.

    Raises:
        InputError: one of them was never there.
        UsageError: a rig is given together with what only an estimate needs.
    """
    given = session.given
    found = {}
    for name in ("rig", "intrinsics", "world"):
        path = getattr(given, name)
        if path is not None:
            found[name] = session.digest(path, _camera_files)
    if given.rig is not None and (given.intrinsics or given.world or given.takes):
        other = "intrinsics" if given.intrinsics else "world" if given.world else "take"
        raise UsageError(
            f"--rig and --{other} were given together: with a rig, no camera is estimated",
            f"take one of them away: --{other} none, or --rig none",
        )
    for number, take in enumerate(given.takes, start=2):
        for part in _TAKE_PARTS:
            try:
                found[f"take {number} {part}"] = session.digest(take / part, _arrays)
            except InputError as error:
                raise _unready(take) or error from error
    return found


def _camera_files(folder: Path) -> Iterable[Path]:
    return (p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in _CAMERA_FILES)


def _arrays(folder: Path) -> Iterable[Path]:
    return folder.glob("*.npz")


def scale_reference(params: Any) -> "ScaleReference | None":
    """The one known length among the settings; None where there is none."""
    from gentri.geometry.scale import Stature, parse_bone_length, parse_camera_distance

    if params.camera_distance != "none":
        return parse_camera_distance(params.camera_distance)
    if params.bone_length != "none":
        return parse_bone_length(params.bone_length)
    return None if params.stature_m == "unknown" else Stature(float(params.stature_m))


def read_lenses(context: Context, sizes: Sizes) -> dict[str, Intrinsics]:
    """Lenses that are known, by camera: of the metadata, and over them those that were given.

    Raises:
        InputError: the file holds no lenses, or names cameras that are not there.
    """
    from gentri.geometry.matching import require_all_matched
    from gentri.rigs.formats import read_intrinsics

    metadata = context.inputs["frames"] / "lenses.toml"
    lenses = read_intrinsics(metadata) if metadata.is_file() else {}
    if path := context.session.given.intrinsics:
        found = read_intrinsics(path, sizes)
        matched = require_all_matched(tuple(found), tuple(sizes), str(path))
        _say_renamed(context, path, matched)
        lenses |= {camera: found[name] for name, camera in matched.items()}
    return {name: lenses[name] for name in sizes if name in lenses}


def read_world(context: Context, sizes: Sizes) -> "KnownPlaces | None":
    """Where the cameras are, if that was given.

    Raises:
        InputError: the file holds no positions, or names cameras that are not there.
    """
    from gentri.geometry.alignment import KnownPlaces
    from gentri.geometry.matching import require_all_matched
    from gentri.rigs.places import read_places

    path = context.session.given.world
    if path is None:
        return None
    places = KnownPlaces.of(read_places(path, sizes))
    matched = require_all_matched(tuple(places.center_m), tuple(sizes), str(path))
    _say_renamed(context, path, matched)
    return places.renamed(matched)


def read_given_rig(context: Context, sizes: Sizes) -> Rig | None:
    """The cameras of the session out of a rig made elsewhere, if there is one.

    Raises:
        InputError: it is no rig, or not of these cameras.
    """
    from gentri.geometry.matching import matched_rig
    from gentri.rigs.formats import read_rig

    path = context.session.given.rig
    if path is None:
        return None
    size_px = np.array(list(sizes.values()))
    rig, renamed = matched_rig(read_rig(path, sizes), tuple(sizes), size_px, str(path))
    _say_renamed(context, path, renamed)
    return rig


def read_takes(context: Context, sizes: Sizes) -> list[Keypoints2D]:
    """The subject of every other take, in the cameras that both have.

    Raises:
        InputError: a take is not calibrated, or is of other cameras.
        SessionError: it is no session.
        UsageError: it is this session.
    """
    takes = []
    for path in context.session.given.takes:
        if path.resolve() == context.session.root.resolve():
            raise UsageError(f"{path} is this session itself", "name the other takes alone")
        if refusal := _unready(path):
            raise refusal
        takes.append(_take(path, sizes, context.params.min_score))
        context.progress.say(f"with {len(takes[-1].time_s)} ticks of {path}")
    return takes


def _unready(path: Path) -> GentriError | None:
    """Why a folder cannot serve as a take."""
    from gentri.pipeline.session import SETTINGS_FILE

    if not path.is_dir():
        return InputError(f"there is no {path}", "put it back, or take it away: --take none")
    if not (path / SETTINGS_FILE).is_file():
        inside = [p.parent for p in sorted(path.glob(f"*/{SETTINGS_FILE}"))]
        hint = f"did you mean {inside[0]}?" if inside else "name the folder of its results"
        return SessionError(f"{path} is not a gentri session: it has no {SETTINGS_FILE}", hint)
    if not all((path / part).exists() for part in _TAKE_PARTS):
        return InputError(
            f"the take {path} is not calibrated yet", f"gentri calibrate --session {path}"
        )
    return None


def _take(path: Path, sizes: Sizes, min_score: float) -> Keypoints2D:
    from gentri.people.subject import subject_keypoints

    take = subject_keypoints(path / "detect", path / "calibrate", min_score)
    common = [c for c, name in enumerate(take.cameras) if name in sizes]
    if len(common) < 2:
        raise InputError(
            f"the take {path} has the cameras {', '.join(take.cameras)}, this one "
            f"{', '.join(sizes)}: two of the same names are needed at least",
            "takes can be pooled when the same cameras stood in the same places; name them alike",
        )
    for c in common:
        size, expected = tuple(int(n) for n in take.size_px[c]), sizes[take.cameras[c]]
        if size != expected:
            raise InputError(
                f"{take.cameras[c]} has pictures of {size[0]}×{size[1]} pixels in {path} and of "
                f"{expected[0]}×{expected[1]} here",
                "pool takes of cameras that neither moved nor changed their settings",
            )
    return replace(
        take,
        xy_px=take.xy_px[common],
        score=take.score[common],
        cameras=tuple(take.cameras[c] for c in common),
        size_px=take.size_px[common],
    )


def _say_renamed(context: Context, path: Path, matched: Mapping[str, str]) -> None:
    said = [f"{name} is {camera}" for name, camera in matched.items() if name != camera]
    if said:
        context.progress.say(f"names of {path.name}: {', '.join(said)}")
