"""A session: one folder that holds the sources' names, the settings and every result."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import tomlkit
from tomlkit.toml_document import TOMLDocument

from gentri.errors import InputError, SessionError, UsageError
from gentri.pipeline.checks import (
    OTHER_SESSION,
    check_free,
    check_names,
    check_sources,
    unreadable,
)
from gentri.pipeline.digests import DigestMemo, Select, relative_path
from gentri.pipeline.given import GIVEN_TABLE, NOTHING_GIVEN, Given, GivenEdits, check_given
from gentri.pipeline.lock import SessionLock
from gentri.pipeline.stage import RECEIPT_FILE
from gentri.pipeline.toml_file import read_toml, write_toml

SETTINGS_FILE = "session.toml"
SOURCES_TABLE = "sources"
HIDDEN_FOLDER = ".gentri"


@dataclass(frozen=True)
class Session:
    """A folder with results, and what they are made from.

    Attributes:
        root: the folder.
        sources: camera name → video, folder of images, or keypoints; their order is the order of
            every camera axis.
        given: files from elsewhere that stages read beside the sources.
    """

    root: Path
    sources: Mapping[str, Path]
    given: Given = NOTHING_GIVEN

    @classmethod
    def create(cls, root: Path, sources: Mapping[str, Path]) -> "Session":
        """Make a session of these sources, or take up the one that the folder holds.

        Sources may have moved since: where a path is new, its content decides. A source that was
        edited in place is accepted, and what depends on it goes stale.

        Raises:
            InputError: a source does not exist or cannot be read.
            SessionError: the folder belongs to other videos, cannot become a session, or another
                process is at work in it.
            UsageError: a name or path that cannot be kept.
        """
        check_place(root, sources)
        with SessionLock(root / HIDDEN_FOLDER).hold():
            if (root / SETTINGS_FILE).is_file():
                found = cls.open(root)
                session = found.with_sources(sources)
                if session.sources != found.sources:
                    session._write_sources(read_toml(found.settings_file))
            else:
                session = cls(root, sources)
                session._write_sources(_new_document())
            for path in session.sources.values():
                session.digest(path)  # so that it is recognised when it has moved
        return cls.open(root)

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
        document = read_toml(file).unwrap()
        table = document.get(SOURCES_TABLE)
        if not isinstance(table, dict) or not all(isinstance(p, str) and p for p in table.values()):
            raise UsageError(
                f"{file} names no videos",
                f'it needs a table [{SOURCES_TABLE}] with lines such as: cam01 = "../cam01.mp4"',
            )
        check_names(tuple(table))
        base = root.resolve()
        sources = {n: Path(os.path.normpath(base / p)) for n, p in table.items()}
        return cls(root, sources, Given.read(document.get(GIVEN_TABLE, {}), base, file))

    @property
    def settings_file(self) -> Path:
        """The sources, and the settings that differ from the default."""
        return self.root / SETTINGS_FILE

    @property
    def work(self) -> Path:
        """Unfinished stages: `<stage>/<key>/`."""
        return self.root / HIDDEN_FOLDER / "work"

    def digest(self, path: Path, select: Select | None = None) -> str:
        """Sha256 of a file, or of a folder's names and contents.

        A source that is not there keeps the digest of when it last was: results outlive videos.

        Args:
            path: file or folder.
            select: the files of a folder that count; all that are not hidden by default.

        Raises:
            InputError: there is no such path, and there never was; or it cannot be read.
        """
        try:
            return self._memo.digest(path, select)
        except PermissionError as error:
            raise unreadable(path, error) from error
        except (FileNotFoundError, NotADirectoryError) as error:
            if known := self._memo.last_known(path, select):
                return known
            given = (
                "VIDEO VIDEO …" if path in self.sources.values() else "--rig FILE, or --take DIR …,"
            )
            raise InputError(
                f"there is no {path}",
                f"put it back, or tell where it is now: gentri run {given} --session {self.root}",
            ) from error

    def with_sources(self, sources: Mapping[str, Path]) -> "Session":
        """This session with the paths of today, its own order kept. Writes nothing.

        Other sources are taken while there is neither result nor unfinished work: a slip of the
        first command costs nothing.

        Raises:
            SessionError: the session belongs to other videos.
        """
        if set(self.sources) != set(sources):
            self._require_unused(", ".join(sources), ", ".join(self.sources))
            return replace(self, sources=sources)
        moved = {n: sources[n] for n, p in self.sources.items() if not _same_path(p, sources[n])}
        for name, path in moved.items():
            if not self._same_content(path, self.sources[name]):
                self._require_unused(f"{name} = {path}", str(self.sources[name]))
        return replace(self, sources={**self.sources, **moved})

    def with_given(self, edits: GivenEdits) -> "Session":
        """This session with other files from elsewhere. Writes nothing.

        Raises:
            InputError: one of them is not there.
            UsageError: an unknown name.
        """
        check_given(edits)
        return replace(self, given=self.given.edited(edits))

    def give(self, edits: GivenEdits) -> "Session":
        """Write files from elsewhere into session.toml.

        Raises:
            InputError, UsageError: as `with_given`.
            SessionError: another process is at work here.
        """
        edited = self.with_given(edits)
        if edited.given != self.given:
            with self.lock():
                document = read_toml(self.settings_file)
                edited.given.write(document, self.root)
                write_toml(self.settings_file, document)
        return edited

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out of the session; may be nested.

        Raises:
            SessionError: another process is at work here, or has given the session other videos.
        """
        with self._lock.hold():
            if Session.open(self.root).sources != self.sources:
                raise SessionError(
                    f"another gentri has just given the session {self.root} other videos",
                    f"look at {self.settings_file} and give the command again",
                )
            yield

    @cached_property
    def _memo(self) -> DigestMemo:
        return DigestMemo(self.root / HIDDEN_FOLDER / "digests.json", self.root)

    @cached_property
    def _lock(self) -> SessionLock:
        return SessionLock(self.root / HIDDEN_FOLDER)

    def _write_sources(self, document: TOMLDocument) -> None:
        """Put the paths into session.toml; lines that are right stay as they are."""
        paths = {name: relative_path(path, self.root) for name, path in self.sources.items()}
        table = document.get(SOURCES_TABLE, {})
        if set(table) == set(paths):
            table.update({name: path for name, path in paths.items() if table[name] != path})
        else:
            document[SOURCES_TABLE] = paths
        write_toml(self.settings_file, document)

    def _require_unused(self, found: str, needed: str) -> None:
        said = f"belongs to other videos: found {found}; needed {needed}"
        if any(self.root.glob(f"*/{RECEIPT_FILE}")):
            raise SessionError(f"the session {self.root} {said}", OTHER_SESSION)
        if any(path.is_file() for path in self.work.rglob("*")):
            raise SessionError(
                f"the unfinished work in {self.root} {said}",
                f"remove it (gentri clean --session {self.root}), or {OTHER_SESSION}",
            )

    def _same_content(self, new: Path, old: Path) -> bool:
        known = self.digest(old) if os.path.exists(old) else self._memo.last_known(old)
        return self.digest(new) == known


def check_place(root: Path, sources: Mapping[str, Path]) -> None:
    """Refuse what `Session.create` could not make a session of. Writes nothing.

    Raises:
        InputError: a source does not exist or cannot be read.
        SessionError: the folder serves something else.
        UsageError: a name or path that cannot be kept.
    """
    check_names(tuple(sources))
    check_sources(root, sources)
    if not (root / SETTINGS_FILE).is_file():
        check_free(root)


def _new_document() -> TOMLDocument:
    document = tomlkit.document()
    document.add(tomlkit.comment("The sources of this session, in the order of the cameras."))
    document.add(tomlkit.comment("Tables below them hold settings that are not the default."))
    return document


def _same_path(a: Path, b: Path) -> bool:
    return os.path.exists(a) and os.path.samefile(a, b)
