"""Which files hold rigs, how they are told apart, and what can be written."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gentri.data import Intrinsics, Rig
from gentri.errors import InputError
from gentri.rigs import (
    aniposelib,
    colmap,
    easymocap,
    lens_tables,
    native,
    nerfstudio,
    opencv,
    pose2sim,
    qualisys,
)
from gentri.rigs.texts import read_text, read_toml
from gentri.rigs.units import require_metres
from gentri.rigs.values import Size, intrinsics_of

KNOWN = (
    "gentri's rig.toml, Pose2Sim's or aniposelib's TOML, EasyMocap's intri.yml and extri.yml, "
    "COLMAP's cameras.txt and images.txt, nerfstudio's transforms.json, Qualisys' .qca.txt, "
    "OpenCV's YAML or XML with R and T, one file per camera"
)
_CAMERA = "<camera>"


@dataclass(frozen=True)
class Writer:
    """A format that rigs are written in.

    Attributes:
        target: name of the file or folder.
        files: what is written, relative to the place of the target; `<camera>` stands for the name
            of every camera.
        what: for people.
        write: (rig, target path) → None.
    """

    target: str
    files: tuple[str, ...]
    what: str
    write: Callable[[Rig, Path], None]

    def files_of(self, rig: Rig) -> tuple[str, ...]:
        """What is written of a rig, relative to the place of the target."""
        named = (file.replace(_CAMERA, name) for file in self.files for name in rig.names)
        return tuple(dict.fromkeys(named))


# Name of the format, as in the setting export.formats → how it is written.
WRITERS = {
    "pose2sim": Writer("Calib.toml", ("Calib.toml",), "cameras for Pose2Sim", pose2sim.write),
    "aniposelib": Writer(
        "calibration.toml", ("calibration.toml",), "cameras for aniposelib", aniposelib.write
    ),
    "easymocap": Writer(
        "easymocap",
        tuple(f"easymocap/{name}" for name in (easymocap.INTRINSICS, easymocap.EXTRINSICS)),
        "cameras for EasyMocap",
        easymocap.write,
    ),
    "colmap": Writer(
        "colmap",
        tuple(f"colmap/{name}" for name in (colmap.CAMERAS, colmap.IMAGES, colmap.POINTS)),
        "cameras for COLMAP, text model",
        colmap.write,
    ),
    "nerfstudio": Writer(
        nerfstudio.FILE, (nerfstudio.FILE,), "cameras for nerfstudio", nerfstudio.write
    ),
    "qualisys": Writer(
        "Calib.qca.txt", ("Calib.qca.txt",), "cameras as Qualisys has them", qualisys.write
    ),
    "opencv": Writer(
        "opencv", (f"opencv/{_CAMERA}.yml",), "a camera as OpenCV's programs have it", opencv.write
    ),
}


def write_rigs(rig: Rig, folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Write a rig in several of the formats of `WRITERS`.

    Args:
        rig: to be written.
        folder: where; each format has files of its own names.
        names: of the formats.

    Returns:
        Path within the folder → what it is.

    Raises:
        InputError: a format cannot hold this rig.
    """
    files: dict[str, str] = {}
    for name in names:
        writer = WRITERS[name]
        writer.write(rig, folder / writer.target)
        files |= dict.fromkeys(writer.files_of(rig), writer.what)
    return files


_FOLDERS: dict[tuple[str, ...], Callable[[Path, Mapping[str, Size]], Rig]] = {
    (easymocap.INTRINSICS, easymocap.EXTRINSICS): easymocap.read,
    (colmap.CAMERAS, colmap.IMAGES): lambda folder, _: colmap.read(folder),
    (nerfstudio.FILE,): lambda folder, _: nerfstudio.read(folder / nerfstudio.FILE),
    (native.FILE,): lambda folder, _: native.read(folder / native.FILE),
}


def read_rig(path: Path, sizes: Mapping[str, Size] | None = None) -> Rig:
    """Read a rig of any known format, told by its content and name.

    Args:
        path: a file, or the folder of a format that has several.
        sizes: width and height of the pictures by camera, used where the file does not say them.

    Raises:
        InputError: it is no rig, or holds what gentri's cameras cannot.
    """
    _require_there(path)
    return require_metres(_read(path, sizes or {}), path)


def read_intrinsics(path: Path, sizes: Mapping[str, Size] | None = None) -> dict[str, Intrinsics]:
    """Read lenses by camera name: from any rig, or from a file that has lenses alone.

    These are EasyMocap's `intri.yml`, OpenCV's calibration of one camera (or a folder of such), and
    TOML with a section per camera: see `gentri.rigs.lens_tables`.

    Args:
        path: file or folder.
        sizes: width and height of the pictures by camera, used where the file does not say them.

    Raises:
        InputError: it holds no lens, or one that gentri's lens model does not cover.
    """
    _require_there(path)
    sizes = sizes or {}
    if path.suffix.lower() == ".toml" and not is_native(path):
        return lens_tables.read(path)
    if path.is_dir() and (path / easymocap.INTRINSICS).is_file():
        return easymocap.read_intrinsics(path / easymocap.INTRINSICS, sizes)
    if _is_opencv(path):
        return opencv.read_intrinsics(path, sizes)
    if path.is_file() and opencv.is_storage(path):
        return easymocap.read_intrinsics(path, sizes)
    return {camera.name: intrinsics_of(camera) for camera in _read(path, sizes).cameras}


def renaming(path: Path) -> str:
    """How the cameras of a file get other names, for messages."""
    if _is_opencv(path):
        return "OpenCV's files do not name their camera: call each as its camera, cam01.yml"
    return "rename the cameras in the file"


def _is_opencv(path: Path) -> bool:
    """Whether it is OpenCV's file of one camera, or a folder of such."""
    if path.is_dir():
        taken = _folder_formats(path) or (path / easymocap.INTRINSICS).is_file()
        return not taken and bool(opencv.files(path))
    return opencv.is_storage(path) and not easymocap.lists_cameras(path)


def _read(path: Path, sizes: Mapping[str, Size]) -> Rig:
    if path.is_dir():
        return _read_folder(path, sizes)
    suffix = path.suffix.lower()
    if suffix == ".toml":
        return _read_toml(path)
    if path.name in (easymocap.INTRINSICS, easymocap.EXTRINSICS):
        return easymocap.read(path.parent, sizes)
    if opencv.is_storage(path):
        return opencv.read(path, sizes)
    if suffix == ".json":
        return nerfstudio.read(path)
    if path.name in (colmap.CAMERAS, colmap.IMAGES):
        return colmap.read(path.parent)
    if read_text(path).lstrip().startswith("<"):
        return qualisys.read(path)
    raise InputError(f"{path} is no rig that gentri knows", f"known: {KNOWN}")


def _read_folder(folder: Path, sizes: Mapping[str, Size]) -> Rig:
    found = _folder_formats(folder)
    if len(found) == 1:
        return _FOLDERS[found[0]](folder, sizes)
    if found:
        listed = ", ".join(name for names in found for name in names)
        raise InputError(f"{folder} holds several rigs: {listed}", "name the file that is meant")
    if (folder / "cameras.bin").exists():
        raise InputError(
            f"{folder} is a binary COLMAP model; text is needed",
            f"colmap model_converter --input_path {folder} --output_path TEXT --output_type TXT",
        )
    if any(opencv.is_camera(file) for file in opencv.files(folder)):
        return opencv.read(folder, sizes)
    raise InputError(f"{folder} holds no rig that gentri knows", f"known: {KNOWN}")


def _folder_formats(folder: Path) -> list[tuple[str, ...]]:
    return [names for names in _FOLDERS if all((folder / name).is_file() for name in names)]


def is_native(path: Path) -> bool:
    """Whether a TOML file is gentri's own rig."""
    return isinstance(read_toml(path).get("camera"), list)


def _read_toml(path: Path) -> Rig:
    if is_native(path):
        return native.read(path)
    tables = [table for _, table in lens_tables.sections(read_toml(path))]
    # Pose2Sim writes this key for every camera, aniposelib only where it is true.
    by_pose2sim = any(table.get("fisheye") is False for table in tables)
    return pose2sim.read(path) if by_pose2sim else aniposelib.read(path)


def _require_there(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist", f"give a camera file: {KNOWN}")
