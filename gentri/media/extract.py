"""Chunks of a clip as folders of JPEG files."""

import shutil
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from gentri.media.clip import Clip, Picture
from gentri.media.decode import decode
from gentri.media.images import store_image
from gentri.media.sampling import Chunk, Sampling
from gentri.pipeline.atomic import sync_file

# Where seeking is inexact (MPEG streams), a second try begins this much earlier.
_EARLIER_S = 10.0
_STAMPS = "pts.npy"
FRAME_NAME = "{:06d}.jpg".format


@dataclass(frozen=True, eq=False)
class Extraction:
    """What is taken from one camera's clip, and how it is stored.

    Attributes:
        camera: name, used as a folder name.
        clip: the footage.
        sampling: which frames are kept.
        picture: how they are stored.
        chunks: the pieces in which they are extracted.
    """

    camera: str
    clip: Clip
    sampling: Sampling
    picture: Picture
    chunks: tuple[Chunk, ...]

    @property
    def frames(self) -> int:
        """How many frames will be kept, as far as the container tells."""
        return sum(len(chunk.pts) for chunk in self.chunks)


def extract_chunk(work: Extraction, chunk: Chunk, folder: Path, threads: int, stop: Event) -> None:
    """Write a chunk's frames `000000.jpg` onwards and their stamps into an empty folder.

    Args:
        work: the footage and what is wanted of it.
        chunk: which part of it.
        folder: empty folder.
        threads: of ffmpeg; they do not change the bytes.
        stop: set by another thread to give up.

    Raises:
        InputError: the footage cannot be decoded, or the disk is full.
        CancelledError: `stop` was set.
    """
    store = _store_images if work.clip.images else _store_video
    np.save(folder / _STAMPS, store(work, chunk, folder, threads, stop))
    for path in folder.iterdir():
        sync_file(path)


def chunk_stamps(folder: Path) -> NDArray[np.int64]:
    """Stamps (n,) of the frames that `extract_chunk` wrote."""
    return np.load(folder / _STAMPS, allow_pickle=False)


def _store_images(
    work: Extraction, chunk: Chunk, folder: Path, _threads: int, stop: Event
) -> NDArray[np.int64]:
    for number, place in enumerate(chunk.pts):
        if stop.is_set():
            raise CancelledError
        target = folder / FRAME_NAME(number)
        store_image(work.clip.images[place], work.clip.size_px, work.picture, target)
    return chunk.pts


def _store_video(
    work: Extraction, chunk: Chunk, folder: Path, threads: int, stop: Event
) -> NDArray[np.int64]:
    decoded = folder / "decoded"
    found = np.empty(0, dtype=np.int64)
    for seek in _seeks(work.clip, chunk):
        shutil.rmtree(decoded, ignore_errors=True)
        decoded.mkdir()
        decode(work.clip, work.sampling, work.picture, chunk, seek, decoded, threads, stop)
        found = np.array(sorted(int(p.stem) for p in decoded.iterdir()), dtype=np.int64)
        if np.isin(chunk.pts, found).all():
            break
    # Where ffmpeg makes the stamps up, they need not begin where the container's packets do.
    stamps = found if work.clip.stamped else found - found[:1] + work.clip.pts[0]
    keep = _keep(work, chunk, stamps)
    for number, pts in enumerate(found[keep]):
        (decoded / f"{pts}.jpg").rename(folder / FRAME_NAME(number))
    shutil.rmtree(decoded)
    return stamps[keep]


def _seeks(clip: Clip, chunk: Chunk) -> list[int | None]:
    """Stamps to begin decoding at: the planned one, then an earlier one; None is the beginning."""
    if chunk.seek is None:
        return [None]
    earlier = chunk.seek - round(_EARLIER_S / clip.time_base)
    return [chunk.seek, earlier if earlier > clip.pts[0] else None]


def _keep(work: Extraction, chunk: Chunk, stamps: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not work.clip.stamped:
        return work.sampling.keep(work.clip.seconds(stamps))
    if work.sampling.fps is not None:
        return np.isin(stamps, chunk.pts)
    return np.ones(len(stamps), dtype=bool)
