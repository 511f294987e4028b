"""The receipt of a finished stage: what it was made from, what it wrote, how it went."""

import hashlib
import json
import math
import os
import platform
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from importlib import metadata
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

from gentri.pipeline.atomic import atomic_write, sync_file
from gentri.pipeline.digests import canonical, file_digest
from gentri.pipeline.fingerprint import Recipe
from gentri.pipeline.stage import PARTS_FOLDER, RECEIPT_FILE, Metrics

# Syncs that run side by side share one commit of the file system's journal.
_SYNC_THREADS = 8
# Files handed to the threads at once: hours of video are hundreds of thousands of frames.
_SYNC_BATCH = 1024

# Enough to see what happened to a folder.
_DAMAGES_SAID = 10


class Output(NamedTuple):
    """A file of a stage.

    Attributes:
        path: relative to the stage's folder, with forward slashes.
        bytes: size.
        sha256: of its content.
    """

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """Written last: a folder that has it is complete.

    Attributes:
        fingerprint: digest of the recipe.
        recipe: all that decides the numbers.
        inputs: stage name → digest of the outputs that were read.
        contents: digest of the outputs, by `contents_digest`.
        metrics: what the stage measured, JSON values only.
        seconds: how long the last, finishing run took.
        started: local time, ISO 8601.
        runtime: device, batch size, workers.
        versions: Python and the installed libraries.
        outputs: every file of the folder, by path.
    """

    fingerprint: str
    recipe: Recipe
    inputs: dict[str, str]
    contents: str
    metrics: Metrics
    seconds: float
    started: str
    runtime: dict[str, Any]
    versions: dict[str, str]
    outputs: tuple[Output, ...]

    def save(self, folder: Path) -> None:
        """Write `stage.json`: an output is a line, and never all of them are held as text."""
        head = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "outputs"}
        opened = json.dumps(head, indent=1, allow_nan=False).removesuffix("\n}")
        with (
            atomic_write(folder / RECEIPT_FILE) as temporary,
            temporary.open("w", encoding="utf-8") as file,
        ):
            file.write(f'{opened},\n "outputs": [')
            for number, output in enumerate(self.outputs):
                comma = "," if number else ""
                file.write(f"{comma}\n  {json.dumps(output._asdict())}")
            file.write("\n ]\n}\n")

    @classmethod
    def load(cls, folder: Path) -> "Receipt":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: the folder has no receipt.
            ValueError: the receipt is not readable.
        """
        try:
            found = json.loads((folder / RECEIPT_FILE).read_text(encoding="utf-8"))
            found["outputs"] = tuple(Output(**o) for o in found["outputs"])
            return cls(**found)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{folder / RECEIPT_FILE} is not a receipt: {error}") from error


def contents_digest(outputs: Iterable[Output]) -> str:
    """Sha256 of the names and contents of a stage's files."""
    sha = hashlib.sha256()
    for output in outputs:
        sha.update(canonical([output.path, output.sha256]).encode())
    return sha.hexdigest()


def list_outputs(folder: Path) -> tuple[Output, ...]:
    """Every file of a finished stage, synced to disk, hashed, in the order of the paths."""

    def describe(path: Path) -> Output:
        sync_file(path)
        name = path.relative_to(folder).as_posix()
        return Output(name, path.stat().st_size, file_digest(path))

    files, outputs = _result_files(folder), []
    with ThreadPoolExecutor(_SYNC_THREADS) as pool:
        while batch := list(islice(files, _SYNC_BATCH)):
            outputs += pool.map(describe, batch)
    return tuple(sorted(outputs))


def damages(folder: Path, outputs: Iterable[Output], verify: bool) -> tuple[str, ...]:
    """What is wrong with the files of a published stage; where it is much, the beginning of it.

    Args:
        folder: the stage's folder.
        outputs: its files as they were published.
        verify: read every file again; otherwise only sizes are compared.
    """
    said = (text for output in outputs if (text := _damage(folder, output, verify)))
    return tuple(islice(said, _DAMAGES_SAID))


def _damage(folder: Path, output: Output, verify: bool) -> str:
    path = f"{folder}{os.sep}{output.path}"  # a Path each takes longer than the file system does
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return f"{output.path}: missing"
    if not S_ISREG(found.st_mode):
        return f"{output.path}: missing"
    if found.st_size != output.bytes:
        return f"{output.path}: {found.st_size} bytes, needed {output.bytes}"
    if verify and file_digest(Path(path)) != output.sha256:
        return f"{output.path}: content changed"
    return ""


def library_versions() -> dict[str, str]:
    """Versions of Python and of gentri's installed dependencies; imports none of them."""
    versions = {"python": platform.python_version()}
    try:
        versions["gentri"] = metadata.version("gentri")
        requirements = metadata.requires("gentri") or []
    except metadata.PackageNotFoundError:  # run from a source tree
        return versions
    for requirement in requirements:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # an extra that is not installed
            continue
    return versions


def _result_files(folder: Path) -> Iterator[Path]:
    inner = (folder / PARTS_FOLDER, folder / RECEIPT_FILE)
    for parent, folders, names in os.walk(folder):  # rglob would keep all that it has found
        folders[:] = [name for name in folders if Path(parent, name) not in inner]
        files = (Path(parent, name) for name in names)
        yield from (file for file in files if file not in inner)


def plain(value: Any) -> Any:
    """JSON values only: NumPy scalars unwrapped, NaN and infinity as null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
