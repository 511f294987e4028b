"""What cannot become a session, or one of its sources: said before anything is written."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePath

from gentri.errors import InputError, SessionError, UsageError

OTHER_SESSION = "use another folder: --session OTHER"


def check_names(names: tuple[str, ...]) -> None:
    """Names become file names: refuse what would leave the folder or meet another's file."""
    for name in names:
        if name in {"", ".", ".."} or PurePath(name).name != name or set(name) & set("/\\\0"):
            raise UsageError(f"a camera cannot be called {name!r}", "rename the video")
    if not names or len({n.casefold() for n in names}) < len(names):
        raise UsageError(
            f"camera names must differ, also where upper and lower case are one: {names}",
            "rename one of the videos",
        )


def check_sources(root: Path, sources: Mapping[str, Path]) -> None:
    """Refuse what is not there, and a source's folder that would hold the results."""
    for path in (root, *sources.values()):
        _check_unicode(path)
    for name, path in sources.items():
        try:
            path.stat()
        except PermissionError as error:
            raise unreadable(path, error) from error
        except (FileNotFoundError, NotADirectoryError) as error:
            message = f"{name}: there is no {path}"
            raise InputError(message, "check the path of the video") from error
        if root.resolve().is_relative_to(path.resolve()):
            raise SessionError(f"{root} lies inside the files of {name}: {path}", OTHER_SESSION)


def check_free(root: Path) -> None:
    """Refuse a place that already serves something else."""
    if root.exists() and not root.is_dir():
        raise SessionError(f"{root} is a file; a session is a folder", OTHER_SESSION)
    if not root.is_dir():
        return
    try:
        visible = sorted(p.name for p in root.iterdir() if not p.name.startswith("."))
    except PermissionError as error:
        raise SessionError(f"cannot look into {root}: {error.strerror}", OTHER_SESSION) from error
    if visible:
        found = ", ".join(visible[:3]) + (", …" if len(visible) > 3 else "")
        raise SessionError(
            f"{root} is not empty and not a gentri session: found {found}", OTHER_SESSION
        )


def unreadable(path: Path, error: PermissionError) -> InputError:
    """The refusal of a source that may not be read."""
    return InputError(
        f"{path} cannot be read: {error.strerror}",
        "allow this user to read it, and to enter the folders above it",
    )


def _check_unicode(path: Path) -> None:
    """Refuse bytes that session.toml, which is UTF-8, cannot hold."""
    try:
        os.path.abspath(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"the path {str(path)!a} is not Unicode",
            "rename the file, or the folder that it lies in",
        ) from error
