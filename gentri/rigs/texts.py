"""Text files: read with an explanation where that fails, written whole or not at all."""

from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from gentri.errors import InputError
from gentri.pipeline.atomic import atomic_write


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        InputError: it is absent, cannot be read or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}", "check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not a text file in UTF-8", "give a camera file as its program wrote it"
        ) from error


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        InputError: as `read_text`, or it is not TOML.
    """
    try:
        return tomlkit.parse(read_text(path)).unwrap()
    except TOMLKitError as error:
        raise InputError(f"{path} is not valid TOML: {error}", "correct that line") from error


def write_text(path: Path, text: str) -> None:
    """Replace a file in one rename; lines end alike on every system.

    Raises:
        InputError: a name in it is not Unicode.
    """
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path} cannot hold what is not Unicode: {error.object[error.start]!a}",
            "rename that camera",
        ) from error
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
