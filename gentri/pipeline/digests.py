"""Content digests of files and folders, remembered so that a long video is read only once."""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gentri.pipeline.atomic import atomic_write

# A file written again within one tick of the file system's clock keeps its time stamp. The coarsest
# clock in use is FAT's, 2 s: a file younger than that is read again instead of remembered.
CLOCK_TICK_NS = 2_000_000_000

# Which files of a folder count; without it all that are not hidden do.
Select = Callable[[Path], Iterable[Path]]

# Reading this much takes long enough (0.2 s from a fast disk, seconds from a slow one) to be said.
_LARGE_BYTES = 200_000_000

_LOG = logging.getLogger(__name__)


def canonical(value: Any) -> str:
    """JSON of one spelling: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(value: Any) -> str:
    """Sha256 of a JSON value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def file_digest(path: Path | str) -> str:
    """Sha256 of a file, read in blocks."""
    sha = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def path_digest(path: Path, select: Select | None = None) -> str:
    """Sha256 of a file, or of the names and contents of a folder's files."""
    if not path.is_dir():
        return file_digest(path)
    return digest_of([[name, file_digest(file)] for name, file in _files(path, select)])


class DigestMemo:
    """What was read before, kept in a file.

    Args:
        file: JSON, path → digest and the stamp (sizes and times) it belongs to.
        root: paths are kept relative to it, so that a moved session still knows its sources.
    """

    def __init__(self, file: Path, root: Path) -> None:
        self._file = file
        self._root = root

    def digest(self, path: Path, select: Select | None = None) -> str:
        """The digest of the present content.

        Raises:
            FileNotFoundError: there is no such file or folder.
        """
        began_ns = time.time_ns()
        before, key = _stamp(path, select), self._key(path, select)
        known = self._load().get(key, {})
        if known.get("stamp") == before.digest:
            return known["sha256"]
        if before.bytes >= _LARGE_BYTES:
            _LOG.info("reading %s to recognise it later (%.1f GB)", path, before.bytes / 1e9)
        sha256 = path_digest(path, select)
        settled = before.changed_ns + CLOCK_TICK_NS < began_ns and _stamp(path, select) == before
        self._remember(key, {"stamp": before.digest if settled else "", "sha256": sha256})
        return sha256

    def last_known(self, path: Path, select: Select | None = None) -> str | None:
        """The digest from the last time that the content was read, however long ago."""
        table = self._load()
        known = table.get(self._key(path, select)) or table.get(self._key(path), {})
        return known.get("sha256")

    def _key(self, path: Path, select: Select | None = None) -> str:
        """A folder that counts in part is remembered beside the whole; a file is always whole."""
        part = "/*" if select and not path.is_file() else ""
        return relative_path(path, self._root) + part

    def _load(self) -> dict[str, dict[str, str]]:
        try:
            return json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def _remember(self, key: str, entry: dict[str, str]) -> None:
        table = self._load()
        if table.get(key) == entry:
            return
        table[key] = entry
        try:
            with atomic_write(self._file) as temporary:
                temporary.write_text(json.dumps(table, indent=1), encoding="utf-8")
        except OSError:
            pass  # a read-only session can still be looked at; the content is then read each time


def relative_path(path: Path, root: Path) -> str:
    """`path` as seen from `root`, with forward slashes; absolute where no relative path exists."""
    path = path.parent.resolve() / path.name
    try:
        return Path(os.path.relpath(path, root.resolve())).as_posix()
    except ValueError:  # another drive
        return path.as_posix()


def _files(folder: Path, select: Select | None) -> list[tuple[str, str]]:
    """Name below the folder, with forward slashes, and path of its files that count, by name.

    Paths are strings: a take of keypoint files has ten thousands of them.
    """
    if select is None:
        return sorted(_below(str(folder), ""))
    skip = len(os.path.join(folder, ""))
    found = ((path[skip:].replace(os.sep, "/"), path) for path in map(str, select(folder)))
    return sorted((name, path) for name, path in found if "/." not in f"/{name}")


def _below(folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Files in a folder and in those inside, hidden ones and links to folders left out."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, f"{prefix}{entry.name}/")
            elif entry.is_file():
                yield f"{prefix}{entry.name}", entry.path


class _Stamp(NamedTuple):
    digest: str
    changed_ns: int
    bytes: int


def _stamp(path: Path, select: Select | None) -> _Stamp:
    """What cannot stay the same when content changes; its latest change (ns since 1970); its size.

    The time of modification can be set at will, and cameras with a wrong clock date files into the
    future; the time of the last change of status is the kernel's own. Windows has only the former.
    """
    files = _files(path, select) if path.is_dir() else [("", str(path))]
    rows, changed_ns, size = [], 0, 0
    for name, file in files:
        s = os.stat(file)
        rows.append([name, s.st_size, s.st_mtime_ns, s.st_ctime_ns])
        size += s.st_size
        changed_ns = max(changed_ns, s.st_mtime_ns if os.name == "nt" else s.st_ctime_ns)
    return _Stamp(digest_of(rows), changed_ns, size)
