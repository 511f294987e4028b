"""TOML files that people edit: read with the line of a mistake, written whole, comments kept."""

from pathlib import Path

import tomlkit
from tomlkit.exceptions import ParseError
from tomlkit.toml_document import TOMLDocument

from gentri.errors import UsageError
from gentri.pipeline.atomic import atomic_write


def read_toml(path: Path) -> TOMLDocument:
    """Parse a file.

    Raises:
        UsageError: it is not TOML; the message names the line.
    """
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except (ParseError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}", "correct that line") from error


def write_toml(path: Path, document: TOMLDocument) -> None:
    """Replace a file in one rename.

    Raises:
        UsageError: a text in it is not Unicode, as names of files from old systems can be.
    """
    try:
        content = tomlkit.dumps(document).encode("utf-8")
    except UnicodeEncodeError as error:
        line = error.object[: error.start].count("\n")
        found = ascii(error.object.splitlines()[line])
        raise UsageError(
            f"{path} cannot hold what is not Unicode: {found}", "use other names"
        ) from error
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
