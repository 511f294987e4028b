"""What a reader makes of a file, before joints, unit, axes and rate are those of a clip."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gentri.data import FloatArray
from gentri.errors import InputError

# Metres per unit of length.
METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "in": 0.0254}


@dataclass(frozen=True, eq=False)
class MotionFile:
    """A motion as its file says it.

    Attributes:
        joints: name of a joint (see `gentri.motion.joints`) → (T, 3) float64; NaN where not
            measured.
        fps: frames per second.
        metres: length of a unit; None where the file does not say it.
    """

    joints: Mapping[str, FloatArray]
    fps: float
    metres: float | None


def refusal(path: Path, found: str, hint: str) -> InputError:
    """An error that names the file."""
    return InputError(f"{path}: {found}", hint)


def read_lines(path: Path) -> list[str]:
    """Lines of a text file; these formats are older than UTF-8.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise refusal(
            path, f"cannot be read: {error.strerror or error}", "check the path"
        ) from error
