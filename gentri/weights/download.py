"""Downloads that continue where they stopped and appear only when whole."""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from gentri.errors import WeightsError
from gentri.pipeline.atomic import sync_folder
from gentri.weights.store import WeightFile, by_hand, mismatch, record_digest, source_url

_READ_BYTES = 1 << 18
_TIMEOUT_S = 30.0
_ATTEMPTS = 4  # a connection that breaks is taken up again this often
_RANGE_NOT_SATISFIABLE = 416

Progress = Callable[[int, int | None], None]


def download(weight_file: WeightFile, progress: Progress) -> Path:
    """Fetch a file into its place; a broken download leaves `<file>.part` for the next try.

    Raises:
        WeightsError: the server cannot be reached, the folder cannot be written, or what came is
            not what the registry says (it is then thrown away).
    """
    path = weight_file.path
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(path.name + ".lock")):
            # Another process may have fetched it while this one waited for the lock.
            if not path.is_file() or mismatch(weight_file, path):
                _receive(weight_file, part, progress)
                _publish(weight_file, part, path)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as e:
        raise WeightsError(
            f"{source_url(weight_file)} could not be fetched: {e}", by_hand([weight_file])
        ) from e
    except OSError as e:
        raise WeightsError(f"{path} cannot be written: {e}", by_hand([weight_file])) from e
    return path


def _receive(weight_file: WeightFile, part: Path, progress: Progress) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _continue(source_url(weight_file), part, progress)
        except urllib.error.HTTPError:
            raise  # an answer, not an accident: asking again would give the same
        except (http.client.HTTPException, ConnectionError, TimeoutError):
            if attempt == _ATTEMPTS:
                raise


def _continue(url: str, part: Path, progress: Progress) -> None:
    """Append to `part` what it lacks."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if have and error.code == _RANGE_NOT_SATISFIABLE:
            return None  # nothing is missing; the digest decides
        raise
    with response:
        if getattr(response, "status", None) != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0  # the server sends the whole file again
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file:
            while block := response.read(_READ_BYTES):
                file.write(block)
                have += len(block)
                progress(have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection broke after {have} of {total} bytes")


def _publish(weight_file: WeightFile, part: Path, path: Path) -> None:
    problem = mismatch(weight_file, part)
    if problem:
        part.unlink()
        raise WeightsError(
            f"what {source_url(weight_file)} sent is not {weight_file.name!r}: {problem}",
            by_hand([weight_file]),
        )
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
    record_digest(weight_file)
