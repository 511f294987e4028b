"""Datasets as a user has them in a folder: which layout it is, which files belong to it."""

from pathlib import Path

from gentri.errors import InputError, UsageError
from gentri.evaluation import human36m, human36m_h5, panoptic
from gentri.evaluation.protocols import CAMERA_SETS, TEST_SUBJECTS
from gentri.evaluation.suites import EvaluationSet

# Sets of cameras of each dataset; the first is the one that is taken where none is asked for.
DATASETS = {"human36m": ("H36M",), "panoptic": ("CMU1", "CMU2", "CMU3", "CMU4")}

_LABELS = "human36m-multiview-labels-*.npy"
_POSITIONS_3D, _POSITIONS_2D = "data_3d_h36m.npz", "data_2d_h36m_*.npz"
_TREE_3D, _TREE_2D = f"S*/{human36m_h5.TRUTH}", f"S*/{human36m_h5.DETECTIONS}"
_CAMERAS = ("camera-parameters.json", "cameras.h5", _LABELS)


def camera_numbers(dataset: str, text: str | None) -> tuple[int, ...]:
    """Cameras by the name of a set or as numbers with commas, two or more; None: the usual set.

    Raises:
        UsageError: neither.
    """
    known = DATASETS[dataset]
    text = known[0] if text is None else text
    if text in known:
        return CAMERA_SETS[text]
    try:
        numbers = tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"{text!r} names no cameras of {dataset}",
            f"known: {', '.join(known)}, or numbers with commas between them",
        ) from error
    if len(set(numbers)) != len(numbers) or len(numbers) < 2:
        raise UsageError(f"cameras {text}: two or more different ones are needed", "give others")
    return numbers


def read_human36m(
    data: Path,
    keypoints: Path | None,
    cameras: tuple[int, ...],
    subjects: tuple[str, ...] = TEST_SUBJECTS,
) -> tuple[EvaluationSet, ...]:
    """Human3.6M from a folder, in any layout of `human36m`.

    Args:
        data: folder with the labels of learnable-triangulation-pytorch; or with VideoPose3D's files
            or the subjects' folders of 3d-pose-baseline, and a file of cameras.
        keypoints: with the labels a folder `<subject>/<action>/<camera>`; else one
            `data_2d_h36m_….npz` or a folder with 3d-pose-baseline's detections, None: those in
            `data`.
        cameras: places in `human36m.CAMERAS`.
        subjects: to read.

    Raises:
        InputError: a file is absent or laid out otherwise.
    """
    if beyond := [n for n in cameras if not 0 <= n < len(human36m.CAMERAS)]:
        raise InputError(f"Human3.6M has no camera {beyond[0]}", "its cameras are 0, 1, 2, 3")
    _check_there(data, keypoints)
    views = [human36m.CAMERAS[number] for number in cameras]
    if keypoints is not None and keypoints.is_dir() and not _has(keypoints, _TREE_2D):
        labels = _only(data, (_LABELS,), "the labels of learnable-triangulation-pytorch")
        return human36m.read_labels(labels, keypoints, subjects=subjects, views=views)
    if keypoints is None and not _has(data, _POSITIONS_3D, _TREE_3D) and _has(data, _LABELS):
        raise InputError(
            f"{data} has labels, and no detections go with them",
            "give --keypoints DIR, with DIR/<subject>/<action>/<camera>",
        )
    three = _file_or_tree(data, _POSITIONS_3D, _TREE_3D, "the truth of VideoPose3D")
    two = keypoints or _file_or_tree(data, _POSITIONS_2D, _TREE_2D, "detections")
    lens = _only(data, _CAMERAS, "cameras")
    return human36m.read_positions(three, two, lens, subjects=subjects, views=views)


def read_panoptic(
    data: Path, keypoints: Path | None, cameras: tuple[int, ...]
) -> tuple[EvaluationSet, ...]:
    """A sequence of CMU Panoptic, or all in a folder.

    Args:
        data: folder of the sequence, or of several.
        keypoints: folder with the detections of all these cameras; of several sequences with a
            folder for each, called after it.
        cameras: numbers of HD cameras.

    Raises:
        InputError: something is absent or laid out otherwise.
    """
    _check_there(data, keypoints)
    if keypoints is None or not keypoints.is_dir():
        raise InputError(
            "CMU Panoptic has no 2D detections of its own",
            "give --keypoints DIR, with those of a detector, a folder or file per camera (00_03)",
        )
    if _is_sequence(data):
        return (panoptic.read_sequence(data, keypoints, cameras),)
    folders = sorted(filter(_is_sequence, data.iterdir())) if data.is_dir() else []
    if not folders:
        raise InputError(
            f"{data} is no sequence of CMU Panoptic and holds none",
            "give a folder NAME with calibration_NAME.json, or the folder of several",
        )
    return tuple(panoptic.read_sequence(f, keypoints / f.name, cameras) for f in folders)


def _is_sequence(folder: Path) -> bool:
    return (folder / f"calibration_{folder.resolve().name}.json").is_file()


def _check_there(data: Path, keypoints: Path | None) -> None:
    for option, path in (("--data", data), ("--keypoints", keypoints)):
        if path is not None and not path.exists():
            raise InputError(f"{path} does not exist", f"check the path after {option}")


def _has(folder: Path, *patterns: str) -> bool:
    return any(any(folder.glob(pattern)) for pattern in patterns)


def _file_or_tree(folder: Path, file: str, tree: str, what: str) -> Path:
    """VideoPose3D's file, else the folder itself where it has the tree of 3d-pose-baseline."""
    return folder if not _has(folder, file) and _has(folder, tree) else _only(folder, (file,), what)


def _only(folder: Path, patterns: tuple[str, ...], what: str) -> Path:
    """The file of the first pattern that fits any."""
    for pattern in patterns:
        if found := sorted(folder.glob(pattern)):
            if len(found) == 1:
                return found[0]
            names = ", ".join(path.name for path in found)
            raise InputError(
                f"{folder} has several files with {what}: {names}", "name one: --keypoints FILE"
            )
    raise InputError(f"{folder} has no file with {what}", f"put {' or '.join(patterns)} there")
