"""How much disk the frames will take, measured on a few of them."""

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np

from gentri.errors import InputError
from gentri.media.extract import Extraction, extract_chunk
from gentri.media.sampling import Chunk, Sampling

_SAMPLES = 3  # per camera
# Frames differ in content; three of them tell the mean to about this factor.
_RESERVE = 1.15
# Frames of a stream without stamps can only be reached from the beginning.
_FIRST_FRAMES = 5


def bytes_per_frame(extractions: Sequence[Extraction], parts: Path, workers: int) -> list[float]:
    """Mean size of a stored frame for each camera, from frames that are extracted and dropped."""
    parts.mkdir(parents=True, exist_ok=True)

    def measure(extraction: Extraction) -> float:
        sizes: list[int] = []
        for chunk in _samples(extraction):
            with tempfile.TemporaryDirectory(prefix=".", suffix=".tmp", dir=parts) as folder:
                every = replace(extraction, sampling=Sampling(None, 0.0, None))
                extract_chunk(every, chunk, Path(folder), 1, Event())
                sizes += [path.stat().st_size for path in Path(folder).glob("*.jpg")]
        return float(np.mean(sizes)) if sizes else 0.0

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(measure, extractions))


def _samples(extraction: Extraction) -> list[Chunk]:
    clip, chunks = extraction.clip, extraction.chunks
    if not clip.stamped:
        stamps = clip.pts[:_FIRST_FRAMES]
        return [Chunk(0, None, None, int(stamps[-1]) + 1, stamps)]
    first, last = chunks[0].pts[0], chunks[-1].pts[-1]
    keys = clip.keyframes[(clip.keyframes >= first) & (clip.keyframes <= last)]
    if not len(keys):
        seek = chunks[0].seek
        return [Chunk(0, seek, int(first), int(first) + 1, chunks[0].pts[:1])]
    places = np.unique(np.linspace(0, len(keys) - 1, _SAMPLES + 2)[1:-1].round().astype(int))
    return [Chunk(0, int(k), int(k), int(k) + 1, np.array([k])) for k in keys[places]]


def require_space(folder: Path, needed: float) -> str:
    """Say what is needed and free on a folder's disk.

    Raises:
        InputError: `needed` bytes and a reserve do not fit.
    """
    free = shutil.disk_usage(folder).free
    account = f"the frames take about {_size(needed)}; {_size(free)} are free"
    if needed * _RESERVE > free:
        raise InputError(
            f"not enough disk: {account} in {folder}",
            "take fewer or smaller frames (--set frames.fps=…, frames.max_side_px=…, "
            "frames.jpeg_quality=…, frames.end_s=…), free space, or put the session on another "
            "disk with --session",
        )
    return account


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
