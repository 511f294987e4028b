"""The receipt of a finished stage: what it was made from, what it wrote, how it went."""

import json
import math
import platform
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from gentri.pipeline.atomic import atomic_write, sync_file
from gentri.pipeline.digests import digest_of, file_digest
from gentri.pipeline.fingerprint import Recipe
from gentri.pipeline.stage import PARTS_FOLDER, RECEIPT_FILE, Metrics

# Syncs that run side by side share one commit of the file system's journal.
_SYNC_THREADS = 8


@dataclass(frozen=True)
class Output:
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
        outputs: every file of the folder, by path.
        metrics: what the stage measured.
        seconds: how long the last, finishing run took.
        started: local time, ISO 8601.
        runtime: device, batch size, workers.
        versions: Python and the installed libraries.
    """

    fingerprint: str
    recipe: Recipe
    inputs: dict[str, str]
    outputs: tuple[Output, ...]
    metrics: Metrics
    seconds: float
    started: str
    runtime: dict[str, Any]
    versions: dict[str, str]

    @property
    def contents(self) -> str:
        """Digest of the names and contents of all outputs."""
        return digest_of([[o.path, o.sha256] for o in self.outputs])

    def save(self, folder: Path) -> None:
        """Write `stage.json`."""
        with atomic_write(folder / RECEIPT_FILE) as temporary:
            temporary.write_text(json.dumps(_plain(asdict(self)), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Receipt":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: the folder has no receipt.
            ValueError: the receipt is not readable.
        """
        text = (folder / RECEIPT_FILE).read_text(encoding="utf-8")
        try:
            fields = json.loads(text)
            fields["outputs"] = tuple(Output(**o) for o in fields["outputs"])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{folder / RECEIPT_FILE} is not a receipt: {error}") from error


def list_outputs(folder: Path) -> tuple[Output, ...]:
    """Every file of a finished stage, synced to disk, hashed, in the order of the paths."""

    def describe(path: Path) -> Output:
        sync_file(path)
        name = path.relative_to(folder).as_posix()
        return Output(name, path.stat().st_size, file_digest(path))

    with ThreadPoolExecutor(_SYNC_THREADS) as pool:
        outputs = tuple(pool.map(describe, _result_files(folder)))
    return tuple(sorted(outputs, key=lambda o: o.path))


def damages(folder: Path, outputs: Iterable[Output], verify: bool) -> tuple[str, ...]:
    """What is wrong with the files of a published stage.

    Args:
        folder: the stage's folder.
        outputs: its files as they were published.
        verify: read every file again; otherwise only sizes are compared.
    """
    said = []
    for output in outputs:
        path = folder / output.path
        if not path.is_file():
            said.append(f"{output.path}: missing")
        elif (size := path.stat().st_size) != output.bytes:
            said.append(f"{output.path}: {size} bytes, needed {output.bytes}")
        elif verify and file_digest(path) != output.sha256:
            said.append(f"{output.path}: content changed")
    return tuple(said)


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


def _result_files(folder: Path) -> list[Path]:
    files = (p for p in folder.rglob("*") if p.is_file())
    inner = {PARTS_FOLDER, RECEIPT_FILE}
    return [p for p in files if p.relative_to(folder).parts[0] not in inner]


def _plain(value: Any) -> Any:
    """JSON values only: NumPy scalars unwrapped, NaN and infinity as null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
