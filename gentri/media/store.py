"""From extractions to a folder of frames per camera: in parallel, and resumable after a kill."""

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from gentri.errors import SessionError
from gentri.media.extract import FRAME_NAME, Extraction, chunk_stamps, extract_chunk
from gentri.media.sampling import Chunk
from gentri.pipeline.atomic import sync_folder


def is_finished(parts: Path, camera: str, chunk: Chunk) -> bool:
    """Whether a chunk was extracted by this or an earlier run."""
    return _chunk_folder(parts, camera, chunk).is_dir()


def extract_all(
    extractions: Sequence[Extraction],
    parts: Path,
    workers: int,
    on_frames: Callable[[int], None],
) -> None:
    """Extract all chunks that are not finished yet, `workers` at a time.

    Args:
        extractions: one per camera.
        parts: folder that keeps finished chunks.
        workers: chunks at a time.
        on_frames: told, in the calling thread, how many frames have come.

    Raises:
        InputError: the first failure; chunks that are finished by then are kept.
    """
    parts.mkdir(parents=True, exist_ok=True)
    todo = [(e, c) for e in extractions for c in e.chunks if not is_finished(parts, e.camera, c)]
    # ffmpeg processes beside each other beat threads inside one, unless chunks are few.
    threads = max(1, workers // max(1, len(todo)))
    stop = Event()

    def finish(extraction: Extraction, chunk: Chunk) -> int:
        with tempfile.TemporaryDirectory(
            prefix=".", suffix=".tmp", dir=parts, ignore_cleanup_errors=True
        ) as unfinished:
            work = Path(unfinished) / "chunk"
            work.mkdir()
            extract_chunk(extraction, chunk, work, threads, stop)
            sync_folder(work)
            folder = _chunk_folder(parts, extraction.camera, chunk)
            folder.parent.mkdir(exist_ok=True)
            os.replace(work, folder)
            sync_folder(folder.parent)
        return len(chunk.pts)

    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[int]] = [pool.submit(finish, *item) for item in todo]
        try:
            for future in as_completed(futures):
                on_frames(future.result())
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def assemble(extraction: Extraction, parts: Path, out: Path) -> NDArray[np.int64]:
    """Move the frames of all chunks into `out` as `000000.jpg` onwards.

    May be repeated after a kill: what has been moved stays moved.

    Returns:
        Stamps (T,) of the frames, ticks.

    Raises:
        SessionError: a chunk has lost a frame.
    """
    out.mkdir(exist_ok=True)
    stamps: list[NDArray[np.int64]] = []
    number = 0
    for chunk in extraction.chunks:
        folder = _chunk_folder(parts, extraction.camera, chunk)
        stamps.append(chunk_stamps(folder))
        for place in range(len(stamps[-1])):
            source, target = folder / FRAME_NAME(place), out / FRAME_NAME(number)
            if source.exists():
                os.replace(source, target)
            elif not target.exists():
                raise SessionError(
                    f"the finished chunk {folder} has lost its frame {source.name}",
                    "extract the frames again: gentri frames --force",
                )
            number += 1
    return np.concatenate([np.empty(0, dtype=np.int64), *stamps])


def _chunk_folder(parts: Path, camera: str, chunk: Chunk) -> Path:
    """Named by its first and last frame: a chunk of another extent is another chunk."""
    last = chunk.first + len(chunk.pts) - 1
    return parts / camera / f"{chunk.first:06d}-{last:06d}"
