"""What calibrate reads from elsewhere: a rig, lenses, a world."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gentri.data import Intrinsics, Rig
from gentri.errors import UsageError, or_without
from gentri.pipeline.stage import Context
from gentri.stages.calibrate_takes import take_digests

if TYPE_CHECKING:
    from gentri.geometry.alignment import KnownPlaces
    from gentri.geometry.scale import ScaleReference
    from gentri.pipeline.session import Session

Sizes = Mapping[str, tuple[int, int]]

# Files of rigs and lenses; a folder may hold pictures beside them.
_CAMERA_FILES = {".toml", ".yml", ".yaml", ".xml", ".txt", ".json"}


def digests(session: "Session", _params: Any) -> dict[str, str]:
    """Of every file from elsewhere that counts.

    Raises:
        InputError: one of them was never there, or a take is not calibrated.
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
    return found | take_digests(session)


def _camera_files(folder: Path) -> Iterable[Path]:
    return (p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in _CAMERA_FILES)


def scale_reference(params: Any) -> "ScaleReference | None":
    """The one known length among the settings; None where there is none."""
    from gentri.geometry.scale import Stature, parse_bone_length, parse_camera_distance

    if params.camera_distance != "none":
        return parse_camera_distance(params.camera_distance)
    if params.bone_length != "none":
        return parse_bone_length(params.bone_length)
    return None if params.stature_m == "unknown" else Stature(float(params.stature_m))


def named_subject(entries: tuple[str, ...], cameras: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Tracks of the subject per camera from entries like "cam01:2"; unknown names stay."""
    from gentri.geometry.matching import matched_names

    written = dict.fromkeys(entry.rpartition(":")[0] for entry in entries)
    matched = matched_names(tuple(written), cameras)
    named: dict[str, tuple[int, ...]] = {}
    for entry in entries:
        name, _, track = entry.rpartition(":")
        camera = matched.get(name, name)
        named[camera] = (*named.get(camera, ()), int(track))
    return named


def read_lenses(context: Context, sizes: Sizes) -> dict[str, Intrinsics]:
    """Lenses that are known, by camera: of the metadata, and over them those that were given.

    Raises:
        InputError: the file holds no lenses, or none of these cameras, or one is nearly called so.
    """
    from gentri.rigs.formats import read_intrinsics

    metadata = context.inputs["frames"] / "lenses.toml"
    lenses = read_intrinsics(metadata) if metadata.is_file() else {}
    if path := context.session.given.intrinsics:
        found, matched = lenses_in(path, sizes)
        _say_names(context, path, matched, tuple(found), tuple(sizes), "lens")
        lenses |= {camera: found[name] for name, camera in matched.items()}
    return {name: lenses[name] for name in sizes if name in lenses}


def lenses_in(path: Path, sizes: Sizes) -> tuple[dict[str, Intrinsics], dict[str, str]]:
    """Lenses of a file by the names that it has, and name in the file → camera.

    Raises:
        InputError: as `read_lenses`.
    """
    from gentri.geometry.matching import require_some_matched
    from gentri.rigs.formats import read_intrinsics, renaming

    with or_without("--intrinsics none"):
        found = read_intrinsics(path, sizes)
        names = tuple(found), tuple(sizes)
        return found, require_some_matched(*names, str(path), renaming(path))


def read_world(context: Context, sizes: Sizes) -> "KnownPlaces | None":
    """Where the cameras are, if that was given.

    Raises:
        InputError: as `places_in`.
    """
    path = context.session.given.world
    if path is None:
        return None
    places, matched = places_in(path, sizes)
    _say_names(context, path, matched, tuple(places.center_m), tuple(sizes), "position")
    return places.renamed(matched)


def places_in(path: Path, sizes: Sizes) -> "tuple[KnownPlaces, dict[str, str]]":
    """Camera positions of a file by the names that it has, and name in the file → camera.

    Raises:
        InputError: the file holds no positions of two of the cameras, or a name is nearly that of
            a camera left without.
    """
    from gentri.geometry.alignment import KnownPlaces, require_places
    from gentri.geometry.matching import require_some_matched
    from gentri.rigs.formats import renaming
    from gentri.rigs.places import read_places

    with or_without("--world none"):
        places = KnownPlaces.of(read_places(path, sizes))
        names = tuple(places.center_m), tuple(sizes)
        matched = require_some_matched(*names, str(path), renaming(path))
        require_places(tuple(matched), tuple(sizes), places)
        return places, matched


def read_given_rig(context: Context, sizes: Sizes) -> Rig | None:
    """The cameras of the session out of a rig made elsewhere, if there is one.

    Raises:
        InputError: it is no rig, or not of these cameras.
    """
    from gentri.geometry.matching import matched_rig
    from gentri.rigs.formats import read_rig, renaming

    path = context.session.given.rig
    if path is None:
        return None
    size_px = np.array(list(sizes.values()))
    with or_without("--rig none"):
        rig, renamed = matched_rig(
            read_rig(path, sizes), tuple(sizes), size_px, str(path), renaming(path)
        )
    _say_renamed(context, path, renamed)
    return rig


def _say_renamed(context: Context, path: Path, matched: Mapping[str, str]) -> None:
    said = [f"{name} is {camera}" for name, camera in matched.items() if name != camera]
    if said:
        context.progress.say(f"names of {path.name}: {', '.join(said)}")


def _say_names(
    context: Context,
    path: Path,
    matched: Mapping[str, str],
    found: Sequence[str],
    cameras: Sequence[str],
    what: str,
) -> None:
    """Whose lenses or places are taken by other names, and whose by none."""
    from gentri.geometry.matching import left_over, said_of_left_over

    _say_renamed(context, path, matched)
    others, without = left_over(found, cameras, matched)
    if others:
        context.progress.say(said_of_left_over(path.name, what, others, without))
