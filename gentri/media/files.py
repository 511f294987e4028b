"""Which files are videos and pictures, and the order in which people number them."""

import re
import unicodedata
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
# What makes a file in a folder a video; a file that is named itself may be called anything.
VIDEO_SUFFIXES = frozenset(
    {".3gp", ".asf", ".avi", ".dv", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4"}
    | {".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv"}
)
NaturalKey = tuple[tuple[int, int, str], ...]


def natural_key(name: str) -> NaturalKey:
    """Sort key in which cam2 comes before cam10: digits count as numbers, case does not count."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", folded)
        if part
    )


def list_images(folder: Path) -> tuple[Path, ...]:
    """Pictures directly inside a folder in natural order; hidden files are left out."""
    found = (
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    return tuple(sorted(found, key=lambda path: (natural_key(path.name), path.name)))
