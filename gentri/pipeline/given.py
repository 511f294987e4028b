"""Files from elsewhere that stages read beside the sources: the table [given] of session.toml."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tomlkit.toml_document import TOMLDocument

from gentri.errors import InputError, UsageError
from gentri.pipeline.digests import relative_path

GIVEN_TABLE = "given"

# Name in [given] → paths; none takes the name away.
GivenEdits = Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Given:
    """What was made elsewhere and is to be used, as absolute paths.

    Attributes:
        rig: cameras to use instead of estimating them.
        intrinsics: lenses that are known.
        world: camera positions that fix the world.
        scorer: weights of the learned triangulation.
        takes: other sessions of the same cameras.
    """

    rig: Path | None = None
    intrinsics: Path | None = None
    world: Path | None = None
    scorer: Path | None = None
    takes: tuple[Path, ...] = ()

    @classmethod
    def read(cls, table: Any, base: Path, file: Path) -> "Given":
        """From a TOML table whose paths are relative to `base`.

        Raises:
            UsageError: an unknown name, or something else than paths.
        """
        if not isinstance(table, Mapping):
            raise UsageError(f"{file}: {GIVEN_TABLE} is not a table", f"write [{GIVEN_TABLE}]")
        values: dict[str, Any] = {}
        for name, value in table.items():
            _check_name(name, f"name in [{GIVEN_TABLE}] of {file}")
            listed = value if name == "takes" else [value]
            if not isinstance(listed, list) or not all(isinstance(p, str) and p for p in listed):
                raise UsageError(
                    f"{file}: {GIVEN_TABLE}.{name} is not a path",
                    'write for example rig = "../Calib.toml", takes = ["../take2/gentri-session"]',
                )
            paths = tuple(Path(os.path.normpath(base / p)) for p in listed)
            values[name] = paths if name == "takes" else paths[0]
        return cls(**values)

    def edited(self, edits: GivenEdits) -> "Given":
        """With other paths under some of the names."""
        changed: dict[str, Any] = {}
        for name, paths in edits.items():
            absolute = tuple(Path(os.path.abspath(path)) for path in paths)
            changed[name] = absolute if name == "takes" else next(iter(absolute), None)
        return replace(self, **changed)

    def write(self, document: TOMLDocument, root: Path) -> None:
        """Put the table into a session's document, paths relative to its folder."""
        table: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                value = [relative_path(path, root) for path in value]
            elif value is not None:
                value = relative_path(value, root)
            if value:
                table[field.name] = value
        if table:
            document[GIVEN_TABLE] = table
        else:
            document.pop(GIVEN_TABLE, None)


NOTHING_GIVEN = Given()


def check_given(edits: GivenEdits) -> None:
    """Refuse what is not there, before anything is written.

    Raises:
        InputError: a path leads nowhere.
        UsageError: an unknown name.
    """
    for name, paths in edits.items():
        _check_name(name, "given file")
        for path in paths:
            if not os.path.exists(path):
                raise InputError(f"{name}: there is no {path}", "check the path")


def _check_name(name: str, kind: str) -> None:
    known = [field.name for field in fields(Given)]
    if name not in known:
        raise UsageError.unknown(kind, name, known)
