"""A session: one folder that holds the sources' names, the settings and every result."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

import tomlkit

from gentri.errors import InputError, SessionError, UsageError
from gentri.pipeline.digests import DigestMemo, relative_path
from gentri.pipeline.lock import SessionLock
from gentri.pipeline.stage import RECEIPT_FILE
from gentri.pipeline.toml_file import read_toml, write_toml

SETTINGS_FILE = "session.toml"
SOURCES_TABLE = "sources"
HIDDEN_FOLDER = ".gentri"
_OTHER_SESSION = "use another folder: --session OTHER"


@dataclass(frozen=True)
class Session:
    """A folder with results, and what they are made from.

    Attributes:
        root: the folder.
        sources: camera name → video file or folder of images; their order is the order of every
            camera axis.
    """

    root: Path
    sources: Mapping[str, Path]

    @classmethod
    def create(cls, root: Path, sources: Mapping[str, Path]) -> "Session":
        """Make a session of these sources, or take up the one that the folder holds.

        Sources may have moved since: where a path is new, its content decides. A source that was
        edited in place is accepted, and what depends on it goes stale.

        Raises:
            InputError: a source does not exist.
            SessionError: the folder belongs to other videos, or cannot become a session.
        """
        _check_names(tuple(sources))
        _check_sources(root, sources)
        if (root / SETTINGS_FILE).is_file():
            return cls.open(root)._take_up(sources)
        _check_free(root)
        document = tomlkit.document()
        document.add(tomlkit.comment("The videos of this session, in the order of the cameras."))
        document.add(tomlkit.comment("Tables below them hold settings that are not the default."))
        document[SOURCES_TABLE] = _paths_table(root, sources)
        try:
            write_toml(root / SETTINGS_FILE, document)
        except OSError as error:
            raise SessionError(
                f"cannot write into {root}: {error.strerror}",
                "make the folder writable, or choose another with --session",
            ) from error
        return cls.open(root)._remember_contents()

    @classmethod
    def open(cls, root: Path) -> "Session":
        """The session that a folder holds.

        Raises:
            SessionError: it holds none.
            UsageError: its session.toml is not understood.
        """
        file = root / SETTINGS_FILE
        if not file.is_file():
            raise SessionError(
                f"{root} is not a gentri session: it has no {SETTINGS_FILE}",
                f"start one: gentri run VIDEO VIDEO … --session {root}",
            )
        table = read_toml(file).unwrap().get(SOURCES_TABLE)
        if not isinstance(table, dict) or not all(isinstance(p, str) and p for p in table.values()):
            raise UsageError(
                f"{file} names no videos",
                f'it needs a table [{SOURCES_TABLE}] with lines such as: cam01 = "../cam01.mp4"',
            )
        _check_names(tuple(table))
        base = root.resolve()
        return cls(root, {n: Path(os.path.normpath(base / p)) for n, p in table.items()})

    @property
    def settings_file(self) -> Path:
        """The sources, and the settings that differ from the default."""
        return self.root / SETTINGS_FILE

    @property
    def work(self) -> Path:
        """Unfinished stages: `<stage>/<key>/`."""
        return self.root / HIDDEN_FOLDER / "work"

    def digest(self, path: Path) -> str:
        """Sha256 of a file, or of a folder's names and contents.

        A source that is not there keeps the digest of when it last was: results outlive videos.

        Raises:
            InputError: there is no such path, and there never was.
        """
        try:
            return self._memo.digest(path)
        except FileNotFoundError as error:
            if known := self._memo.last_known(path):
                return known
            raise InputError(
                f"there is no {path}",
                "put it back, or tell where it is now: gentri run VIDEO VIDEO … "
                f"--session {self.root}",
            ) from error

    def lock(self) -> AbstractContextManager[None]:
        """Keep other processes out of the session; may be nested.

        Raises:
            SessionError: another process is at work here.
        """
        return self._lock.hold()

    @cached_property
    def _memo(self) -> DigestMemo:
        return DigestMemo(self.root / HIDDEN_FOLDER / "digests.json", self.root)

    @cached_property
    def _lock(self) -> SessionLock:
        return SessionLock(self.root / HIDDEN_FOLDER)

    def _take_up(self, sources: Mapping[str, Path]) -> "Session":
        """This session with the paths of today, its own order kept."""
        if set(self.sources) != set(sources):
            found, needed = ", ".join(self.sources), ", ".join(sources)
            return self._replace_sources(sources, found, needed)
        moved = {n for n, p in self.sources.items() if not _same_path(p, sources[n])}
        for name in sorted(moved):
            if not self._same_content(sources[name], self.sources[name]):
                found, needed = f"{name} = {self.sources[name]}", str(sources[name])
                return self._replace_sources(sources, found, needed)
        if not moved:
            return self._remember_contents()
        document = read_toml(self.settings_file)
        table = _paths_table(self.root, sources)
        for name in moved:
            document[SOURCES_TABLE][name] = table[name]  # pyright: ignore[reportIndexIssue]
        write_toml(self.settings_file, document)
        return Session.open(self.root)._remember_contents()

    def _replace_sources(self, sources: Mapping[str, Path], found: str, needed: str) -> "Session":
        """Other sources, while there is no result: a slip of the first command costs nothing."""
        if any(self.root.glob(f"*/{RECEIPT_FILE}")):
            raise SessionError(
                f"the session {self.root} belongs to other videos: found {found}; needed {needed}",
                _OTHER_SESSION,
            )
        document = read_toml(self.settings_file)
        document[SOURCES_TABLE] = _paths_table(self.root, sources)
        write_toml(self.settings_file, document)
        return Session.open(self.root)._remember_contents()

    def _same_content(self, new: Path, old: Path) -> bool:
        known = self.digest(old) if old.exists() else self._memo.last_known(old)
        return self.digest(new) == known

    def _remember_contents(self) -> "Session":
        """Read every source once, so that it is recognised when it has moved."""
        for path in self.sources.values():
            self.digest(path)
        return self


def _paths_table(root: Path, sources: Mapping[str, Path]) -> dict[str, str]:
    return {name: relative_path(path, root) for name, path in sources.items()}


def _same_path(a: Path, b: Path) -> bool:
    return a.exists() and a.samefile(b)


def _check_names(names: tuple[str, ...]) -> None:
    """Names become file names: refuse what would leave the folder or meet another's file."""
    for name in names:
        if name in {"", ".", ".."} or PurePath(name).name != name or set(name) & set("/\\\0"):
            raise UsageError(f"a camera cannot be called {name!r}", "rename the video")
    if not names or len({n.casefold() for n in names}) < len(names):
        raise UsageError(
            f"camera names must differ, also where upper and lower case are one: {names}",
            "rename one of the videos",
        )


def _check_sources(root: Path, sources: Mapping[str, Path]) -> None:
    """Refuse what is not there, and a folder of images that would hold the results."""
    for name, path in sources.items():
        if not path.exists():
            raise InputError(f"{name}: there is no {path}", "check the path of the video")
        if root.resolve().is_relative_to(path.resolve()):
            raise SessionError(f"{root} lies inside the images of {name}: {path}", _OTHER_SESSION)


def _check_free(root: Path) -> None:
    """Refuse a place that already serves something else."""
    if root.exists() and not root.is_dir():
        raise SessionError(f"{root} is a file; a session is a folder", _OTHER_SESSION)
    if not root.is_dir():
        return
    try:
        visible = sorted(p.name for p in root.iterdir() if not p.name.startswith("."))
    except PermissionError as error:
        raise SessionError(f"cannot look into {root}: {error.strerror}", _OTHER_SESSION) from error
    if visible:
        found = ", ".join(visible[:3]) + (", …" if len(visible) > 3 else "")
        raise SessionError(
            f"{root} is not empty and not a gentri session: found {found}", _OTHER_SESSION
        )
