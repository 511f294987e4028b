"""OpenCV's FileStorage, YAML or XML, and files of one camera in it.

OpenCV's calibration samples write `image_width`, `image_height`, `camera_matrix` and
`distortion_coefficients`; programs that go on from there add `R` and `T`, world→camera, and many
have names of their own for the same. None of them has the camera's name: it is the file's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gentri.data import Camera, FloatArray, Intrinsics, Rig
from gentri.errors import InputError
from gentri.rigs import values
from gentri.rigs.rotations import from_rodrigues
from gentri.rigs.texts import read_text, write_text
from gentri.rigs.units import UNIT_NOT_STATED
from gentri.rigs.values import Size, Source
from gentri.rigs.writing import require_names, require_plain_cameras

# What the entries are called; the first is what OpenCV's samples and gentri write.
_MATRIX = ("camera_matrix", "cameraMatrix", "K")
_DISTORTION = ("distortion_coefficients", "distCoeffs", "dist_coeffs", "dist", "D")
_ROTATION = ("R", "Rot", "rvec")  # a matrix, or axis times angle
_TRANSLATION = ("T", "t", "tvec")
_WIDTH, _HEIGHT = ("image_width", "width"), ("image_height", "height")
_SIZE = ("image_size", "imageSize", "size")

_KIND = "OpenCV's file"
# A file's name on every system, and not one of EasyMocap's two files.
_NAMES = r"(?!(in|ex)tri$)[\w-]+([ .][\w-]+)*"
_YAML = {".yml", ".yaml"}


def files(path: Path) -> list[Path]:
    """The file itself, or those of OpenCV's in a folder, by name."""
    if not path.is_dir():
        return [path]
    found = (file for file in path.iterdir() if file.is_file() and is_storage(file))
    return sorted(found, key=lambda file: file.stem)


def is_storage(path: Path) -> bool:
    """Whether a file may be OpenCV's: YAML, or XML that says so."""
    suffix = path.suffix.lower()
    return suffix in _YAML or (suffix == ".xml" and "<opencv_storage" in read_text(path))


def is_camera(path: Path) -> bool:
    """Whether a file of OpenCV's is of one camera."""
    storage = open_storage(path)
    return any(not storage.getNode(key).empty() for key in _MATRIX)


def read(path: Path, sizes: Mapping[str, Size]) -> Rig:
    """Read the file of one camera, or a folder of such; cameras in the order of their names.

    Args:
        path: file or folder.
        sizes: width and height by camera, for files that do not say.

    Raises:
        InputError: a number is missing or wrong, or gentri's lens model does not cover a lens.
    """

    def camera(named: Source, file: Path) -> Camera:
        source, storage = Source(file, named.camera), open_storage(file)
        lens = _lens(source, storage, sizes)
        R, t = (_pose_entry(storage, keys, source) for keys in (_ROTATION, _TRANSLATION))
        R = from_rodrigues(source.array(R, "the rotation", (3,))) if R.size == 3 else R
        R = source.array(R, "the rotation", (3, 3))
        t = source.array(t, "the translation", (3,))
        return values.camera(lens, values.pose(R, t, source), source)

    cameras = values.by_name(path, [(file.stem, file) for file in files(path)], camera)
    return Rig(tuple(cameras.values()), UNIT_NOT_STATED, float("nan"))


def read_intrinsics(path: Path, sizes: Mapping[str, Size]) -> dict[str, Intrinsics]:
    """The same without poses: lenses by camera.

    Raises:
        InputError: as `read`.
    """

    def lens(named: Source, file: Path) -> Intrinsics:
        return _lens(Source(file, named.camera), open_storage(file), sizes)

    return values.by_name(path, [(file.stem, file) for file in files(path)], lens)


def write(rig: Rig, folder: Path) -> None:
    """Write a file `<camera>.yml` per camera: metres, z up.

    Raises:
        InputError: they cannot hold this rig.
    """
    require_plain_cameras(rig, _KIND)
    require_names(
        rig, _KIND, _NAMES, "letters, digits, '-', '_', spaces and dots between; not intri or extri"
    )
    for camera in rig.cameras:
        pose = camera.cam_from_world
        lines = ["%YAML:1.0", "---"]
        lines += [f"{_WIDTH[0]}: {camera.width}", f"{_HEIGHT[0]}: {camera.height}"]
        lines += matrix_lines(_MATRIX[0], camera.K)
        lines += matrix_lines(_DISTORTION[0], camera.dist[:, None])
        lines += matrix_lines(_ROTATION[0], pose.R)
        lines += matrix_lines(_TRANSLATION[0], pose.t[:, None])
        write_text(folder / f"{camera.name}.yml", "\n".join(lines) + "\n")


def open_storage(path: Path) -> Any:
    """An OpenCV file, open for reading; whatever its path is made of.

    Raises:
        InputError: OpenCV cannot read it.
    """
    import cv2

    text = read_text(path)
    try:
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        opened = storage.isOpened()
    except (cv2.error, SystemError) as error:
        cause = error.__cause__ or error  # OpenCV's own words come wrapped
        raise _not_opencv(path, getattr(cause, "err", cause)) from error
    if not opened:
        raise _not_opencv(path, "it cannot be opened")
    return storage


def _not_opencv(path: Path, reason: object) -> InputError:
    return InputError(
        f"{path} is not a file of OpenCV: {str(reason).strip()}",
        "YAML has to begin with the line %YAML:1.0, as OpenCV and EasyMocap write it",
    )


def matrix(storage: Any, key: str, source: Source) -> FloatArray | None:
    """A matrix, or a list of numbers; None where there is none of that name.

    Raises:
        InputError: its numbers are not as many as it says.
    """
    import cv2

    node = storage.getNode(key)
    try:
        if node.empty():
            return None
        if node.isSeq():
            return np.array([node.at(i).real() for i in range(node.size())])
        return node.mat()
    except cv2.error as error:
        raise source.refusal(f"{key!r} is not a whole matrix", "export the file again") from error


def integer(storage: Any, key: str) -> int | None:
    """A whole number, or None where there is none of that name."""
    node = storage.getNode(key)
    return None if node.empty() else int(node.real())


def matrix_lines(key: str, numbers: FloatArray) -> list[str]:
    """A matrix (rows, columns) as lines of YAML."""
    rows, columns = numbers.shape
    data = ", ".join(repr(float(x)) for x in numbers.ravel())
    size = [f"  rows: {rows}", f"  cols: {columns}"]
    return [f"{key}: !!opencv-matrix", *size, "  dt: d", f"  data: [{data}]"]


def _lens(source: Source, storage: Any, sizes: Mapping[str, Size]) -> Intrinsics:
    if integer(storage, "fisheye_model"):
        raise source.refusal(
            "it is a fisheye lens, which gentri's lens model (k1 k2 p1 p2 k3) does not cover",
            "calibrate it without the fisheye model",
        )
    K, dist = (_first(storage, keys, source) for keys in (_MATRIX, _DISTORTION))
    if K is None or dist is None:
        keys = _MATRIX if K is None else _DISTORTION
        raise source.refusal(
            f"{keys[0]!r} is missing",
            f"a file of one camera has {_or(_MATRIX)}, and {_or(_DISTORTION)}, zeros for a lens "
            "that bends nothing; EasyMocap's two files are intri.yml and extri.yml",
        )
    K = source.array(K, "the camera matrix", (3, 3))
    size = _size(source, storage, sizes)
    return values.lens(size, K, values.opencv_distortion(dist, source), source)


def _size(source: Source, storage: Any, sizes: Mapping[str, Size]) -> Size:
    width, height = (
        next((n for key in keys if (n := integer(storage, key)) is not None), None)
        for keys in (_WIDTH, _HEIGHT)
    )
    if width is not None and height is not None:
        return source.size([width, height])
    size = _first(storage, _SIZE, source)
    if size is not None:
        return source.size(size)
    if source.camera in sizes:
        return source.size(sizes[source.camera])
    raise source.refusal(
        "the image size is missing", "add the lines image_width: … and image_height: …"
    )


def _pose_entry(storage: Any, keys: tuple[str, ...], source: Source) -> FloatArray:
    found = _first(storage, keys, source)
    if found is None:
        raise source.refusal(
            f"{keys[0]!r} is missing, so it is a lens without a place",
            f"a rig needs {_or(_ROTATION)}, and {_or(_TRANSLATION)}, world to camera in metres; "
            "give lenses alone as intrinsics",
        )
    return found


def _first(storage: Any, keys: tuple[str, ...], source: Source) -> FloatArray | None:
    """What stands under the first of these names that is there."""
    found = (matrix(storage, key, source) for key in keys)
    return next((numbers for numbers in found if numbers is not None), None)


def _or(keys: tuple[str, ...]) -> str:
    return f"{', '.join(keys[:-1])} or {keys[-1]}"
