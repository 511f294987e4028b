"""EasyMocap's `intri.yml` and `extri.yml`: OpenCV files with one set of keys per camera.

Keys (easymocap/mytools/camera_utils.py): `names`; `K_<cam>`, `dist_<cam>`, `H_<cam>`, `W_<cam>`;
`R_<cam>` (Rodrigues), `Rot_<cam>`, `T_<cam>`, world→camera. Old files have no image size.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gentri.data import Camera, FloatArray, Intrinsics, Rig
from gentri.rigs import values
from gentri.rigs.opencv import integer, matrix, matrix_lines, open_storage
from gentri.rigs.rotations import from_rodrigues, to_rodrigues
from gentri.rigs.texts import write_text
from gentri.rigs.units import UNIT_NOT_STATED
from gentri.rigs.values import Size, Source
from gentri.rigs.writing import require_names, require_plain_cameras

INTRINSICS, EXTRINSICS = "intri.yml", "extri.yml"
_KIND = "EasyMocap's file"
# Its reader skips cameras of this name, and its writer cuts names at a dot.
_NAMES = r"(?!none$)[\w-]+( [\w-]+)*"


def lists_cameras(path: Path) -> bool:
    """Whether a file of OpenCV's names its cameras, as EasyMocap's do."""
    return not open_storage(path).getNode("names").empty()


def read(folder: Path, sizes: Mapping[str, Size]) -> Rig:
    """Read a folder with both files.

    Args:
        folder: where they are.
        sizes: width and height by camera, for files that do not say.

    Raises:
        InputError: a file or a number is missing or wrong.
    """
    lenses = read_intrinsics(folder / INTRINSICS, sizes)
    path = folder / EXTRINSICS
    storage = open_storage(path)

    def camera(source: Source, intrinsics: Intrinsics) -> Camera:
        name, vector = source.camera, matrix(storage, f"R_{source.camera}", source)
        if vector is None:
            R = _needed(storage, f"Rot_{name}", (3, 3), source)
        else:
            R = from_rodrigues(source.array(vector, f"R_{name}", (3,)))
        t = _needed(storage, f"T_{name}", (3,), source)
        return values.camera(intrinsics, values.pose(R, t, source), source)

    cameras = values.by_name(path, list(lenses.items()), camera)
    return Rig(tuple(cameras.values()), UNIT_NOT_STATED, float("nan"))


def read_intrinsics(path: Path, sizes: Mapping[str, Size]) -> dict[str, Intrinsics]:
    """Read `intri.yml` alone.

    Raises:
        InputError: a number is missing or wrong.
    """
    storage = open_storage(path)

    def lens(source: Source, name: str) -> Intrinsics:
        K = _needed(storage, f"K_{name}", (3, 3), source)
        dist = matrix(storage, f"dist_{name}", source)
        dist = matrix(storage, f"D_{name}", source) if dist is None else dist
        if dist is None:
            raise source.refusal(
                f"'dist_{name}' is missing", "add it; zeros for a lens without distortion"
            )
        size = _size(storage, name, source, sizes)
        return values.lens(size, K, values.opencv_distortion(dist, source), source)

    return values.by_name(path, [(name, name) for name in _names(storage)], lens)


def write(rig: Rig, folder: Path) -> None:
    """Write both files.

    Raises:
        InputError: they cannot hold this rig.
    """
    require_plain_cameras(rig, _KIND)
    require_names(rig, _KIND, _NAMES, "letters, digits, '-', '_' and spaces between; not 'none'")
    intrinsics, extrinsics = _header(rig), _header(rig)
    for camera in rig.cameras:
        name, pose = camera.name, camera.cam_from_world
        intrinsics += matrix_lines(f"K_{name}", camera.K)
        intrinsics += matrix_lines(f"dist_{name}", camera.dist[None])
        intrinsics += [f"H_{name}: {camera.height}", f"W_{name}: {camera.width}"]
        extrinsics += matrix_lines(f"R_{name}", to_rodrigues(pose.R)[:, None])
        extrinsics += matrix_lines(f"Rot_{name}", pose.R)
        extrinsics += matrix_lines(f"T_{name}", pose.t[:, None])
    write_text(folder / INTRINSICS, "\n".join(intrinsics) + "\n")
    write_text(folder / EXTRINSICS, "\n".join(extrinsics) + "\n")


def _names(storage: Any) -> list[str]:
    listed = storage.getNode("names")
    nodes = [listed.at(i) for i in range(listed.size())]
    return [node.string() if node.isString() else str(int(node.real())) for node in nodes]


def _size(storage: Any, name: str, source: Source, sizes: Mapping[str, Size]) -> Size:
    width, height = integer(storage, f"W_{name}"), integer(storage, f"H_{name}")
    if width is not None and height is not None:
        return source.size([width, height])
    if name in sizes:
        return source.size(sizes[name])
    raise source.refusal(
        "the file does not say how large its pictures are",
        f"add the lines W_{name}: 1920 and H_{name}: 1080 with the true width and height",
    )


def _needed(storage: Any, key: str, shape: tuple[int, ...], source: Source) -> FloatArray:
    found = matrix(storage, key, source)
    if found is None:
        raise source.refusal(f"{key!r} is missing", "give the file as EasyMocap wrote it")
    return source.array(found, key, shape)


def _header(rig: Rig) -> list[str]:
    return ["%YAML:1.0", "---", "names:", *(f'  - "{name}"' for name in rig.names)]
