"""Weight files: where they are, where they come from, and whether they are what they should be."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import tomlkit

from gentri.errors import UsageError, WeightsError
from gentri.pipeline.atomic import atomic_write

_HERE = Path(__file__).parent
_READ_BYTES = 1 << 20
_SHA256_DIGITS = 64


@dataclass(frozen=True)
class WeightFile:
    """An entry of `registry.toml`.

    Attributes:
        name: what settings and commands call it.
        file: its name on disk.
        skeleton: joint set, "boxes" for a person finder, "any" for what tells no joints apart.
        licence: SPDX name.
        source: who made it and where it was published.
        embedded: whether it comes with the package.
        url: where it is fetched from; "" when embedded.
        bytes: size, None when not known beforehand.
        sha256: the digest, or as many of its first digits as are known; the whole one is then noted
            beside the file when it is first fetched.
    """

    name: str
    file: str
    skeleton: str
    licence: str
    source: str
    embedded: bool
    url: str
    bytes: int | None
    sha256: str

    @property
    def path(self) -> Path:
        """Where the file is, or belongs."""
        return (_HERE if self.embedded else weights_folder()) / self.file

    @property
    def is_present(self) -> bool:
        """Whether a file of this name is in place; `verify` tells whether it is the right one."""
        return self.path.is_file()


@cache
def list_weights() -> tuple[WeightFile, ...]:
    """Every known weight file, in the order of the registry."""
    document = tomlkit.parse((_HERE / "registry.toml").read_text(encoding="utf-8")).unwrap()
    return tuple(
        WeightFile(
            name=entry["name"],
            file=entry["file"],
            skeleton=entry["skeleton"],
            licence=entry["licence"],
            source=entry["source"],
            embedded=entry.get("embedded", False),
            url=entry.get("url", ""),
            bytes=entry.get("bytes"),
            sha256=entry.get("sha256") or entry["sha256_prefix"],
        )
        for entry in document["file"]
    )


def find(name: str) -> WeightFile:
    """The registry's entry of this name.

    Raises:
        UsageError: no such entry.
    """
    for weight_file in list_weights():
        if weight_file.name == name:
            return weight_file
    known = ", ".join(w.name for w in list_weights())
    raise UsageError(f"no weight file is named {name!r}", f"known: {known}")


def weights_folder() -> Path:
    """Folder of fetched files: `GENTRI_WEIGHTS_DIR`, else the user's cache folder."""
    chosen = os.environ.get("GENTRI_WEIGHTS_DIR")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("gentri") / "weights"


def locate(name: str) -> Path:
    """Path of a weight file that is in place and whole.

    Raises:
        UsageError: no such entry.
        WeightsError: absent, or not what the registry says; with what to do.
    """
    weight_file = find(name)
    if not weight_file.is_present:
        raise WeightsError(f"weights {name!r} are not on this machine", how_to_get(weight_file))
    return verify(name)


def verify(name: str) -> Path:
    """Check the size and digest of a file in place and return its path.

    Raises:
        UsageError: no such entry.
        WeightsError: absent, or not what the registry says.
    """
    weight_file = find(name)
    path = weight_file.path
    if not path.is_file():
        raise WeightsError(f"{path} does not exist", how_to_get(weight_file))
    problem = mismatch(weight_file, path)
    if problem:
        raise WeightsError(f"{path} is not the file {name!r}: {problem}", how_to_get(weight_file))
    return path


def fetch(
    name: str, progress: Callable[[int, int | None], None] = lambda _done, _all: None
) -> Path:
    """Download a weight file unless it is in place, continuing what an earlier try left.

    Args:
        name: as listed.
        progress: called with the bytes present and the bytes in all (None: not told).

    Raises:
        UsageError: no such entry.
        WeightsError: no connection, or what came is not what the registry says; with what to do.
    """
    from gentri.weights.download import download

    weight_file = find(name)
    if weight_file.is_present and not mismatch(weight_file, weight_file.path):
        return weight_file.path
    if weight_file.embedded:
        raise WeightsError(
            f"{weight_file.path} belongs to the package and is absent or damaged",
            "install gentri again",
        )
    return download(weight_file, progress)


def fetch_all(
    names: Sequence[str],
    progress: Callable[[str, int, int | None], None] = lambda _name, _done, _all: None,
) -> tuple[Path, ...]:
    """Download what is not in place of several files.

    Args:
        names: as listed.
        progress: called with a name and what `fetch` tells of it.

    Raises:
        UsageError: no such entry.
        WeightsError: as `fetch`; says of every file that is still absent what to do.
    """
    wanted = [find(name) for name in names]
    try:
        return tuple(fetch(name, partial(progress, name)) for name in names)
    except WeightsError as error:
        absent = [w for w in wanted if not w.embedded and not w.is_present]
        raise WeightsError(error.message, by_hand(absent) if absent else error.hint) from error


def mismatch(weight_file: WeightFile, path: Path) -> str:
    """What is wrong with the file at `path`; "" when nothing is."""
    size = path.stat().st_size
    if weight_file.bytes is not None and size != weight_file.bytes:
        return f"it has {size} bytes, {weight_file.bytes} are expected"
    digest = _digest(path)
    if not digest.startswith(weight_file.sha256):
        return f"its sha256 is {digest}, expected is {weight_file.sha256}…"
    known = recorded_digest(weight_file)
    if known not in ("", digest):
        note = _record(weight_file)
        return f"its sha256 is {digest}; when it was first fetched, {note} noted {known}"
    return ""


def recorded_digest(weight_file: WeightFile) -> str:
    """The whole digest as noted when the file was first fetched; "" where nothing was noted."""
    if len(weight_file.sha256) == _SHA256_DIGITS:
        return ""  # the registry knows better
    try:
        return _record(weight_file).read_text(encoding="utf-8").partition(" ")[0]
    except OSError:
        return ""


def record_digest(weight_file: WeightFile) -> None:
    """Note the whole digest of a file in place, as `sha256sum` would, where none is noted yet."""
    if len(weight_file.sha256) < _SHA256_DIGITS and not recorded_digest(weight_file):
        with atomic_write(_record(weight_file)) as temporary:
            line = f"{_digest(weight_file.path)}  {weight_file.file}\n"
            temporary.write_text(line, encoding="utf-8")


def _record(weight_file: WeightFile) -> Path:
    return weight_file.path.with_name(weight_file.file + ".sha256")


def source_url(weight_file: WeightFile) -> str:
    """Where the file is fetched from: `GENTRI_WEIGHTS_MIRROR`/file when set, else its source."""
    mirror = os.environ.get("GENTRI_WEIGHTS_MIRROR")
    return f"{mirror.rstrip('/')}/{weight_file.file}" if mirror else weight_file.url


def how_to_get(weight_file: WeightFile) -> str:
    """What a person can do to get this file into place, with and without a network."""
    if weight_file.embedded:
        return "the file belongs to the package: install gentri again"
    return f"run `gentri weights fetch {weight_file.name}`, or {by_hand([weight_file])}"


def by_hand(weight_files: Sequence[WeightFile]) -> str:
    """How to bring files into place where gentri itself cannot fetch them."""
    each = [f"{source_url(w)} on another machine and put it at {w.path}" for w in weight_files]
    return (
        f"download {', and '.join(each)}; GENTRI_WEIGHTS_DIR names another folder, "
        "GENTRI_WEIGHTS_MIRROR another server"
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
