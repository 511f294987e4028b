"""Metadata items of QuickTime movies, of the file and of its video tracks.

FFmpeg shows those of the file alone; iPhones write lens and focal length into the video track.
Layout: Apple, "QuickTime File Format Specification", chapter Metadata: an atom `meta` holds `keys`
(names) and `ilst` (values).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Start of an atom's content and the end of it, bytes from the beginning of the file.
Span = tuple[int, int]

_HEADER = struct.Struct(">I4s")
# Values longer than this are pictures and the like.
_LONGEST_BYTES = 4096
# Well-known types of values (specification, table "Well-known data types").
_TEXT, _SIGNED, _UNSIGNED, _FLOATS = 1, {21, 65, 66, 67, 74}, {22, 75, 76, 77, 78}, {23, 24}
_FLOAT_FORMATS = {4: ">f", 8: ">d"}


def read_items(path: Path) -> dict[str, str]:
    """Metadata by key, such as `com.apple.quicktime.camera.lens_model`.

    Items of video tracks win over those of the file. Empty for files that are no movie or broken.
    """
    found: dict[str, str] = {}
    try:
        with path.open("rb") as file:
            whole = (0, path.stat().st_size)
            for movie in _find(file, whole, "moov"):
                for meta in _find(file, movie, "meta"):
                    found |= _items(file, meta)
                for track in _find(file, movie, "trak"):
                    if _is_video(file, track):
                        for meta in _find(file, track, "meta"):
                            found |= _items(file, meta)
    except (OSError, struct.error):
        pass  # what could be read, counts
    return found


def _atoms(file: BinaryIO, span: Span) -> Iterator[tuple[str, Span]]:
    """Name and content of the atoms within a span."""
    position, end = span
    while position + _HEADER.size <= end:
        file.seek(position)
        size, name = _HEADER.unpack(file.read(_HEADER.size))
        content = position + _HEADER.size
        if size == 1:  # a 64-bit size follows
            (size,) = struct.unpack(">Q", file.read(8))
            content += 8
        elif size == 0:  # up to the end
            size = end - position
        if size < content - position or position + size > end:
            return
        yield name.decode("latin-1"), (content, position + size)
        position += size


def _find(file: BinaryIO, span: Span, name: str) -> list[Span]:
    return [content for found, content in _atoms(file, span) if found == name]


def _is_video(file: BinaryIO, track: Span) -> bool:
    for media in _find(file, track, "mdia"):
        for start, _ in _find(file, media, "hdlr"):
            file.seek(start + 8)  # version and flags, component type
            return file.read(4) == b"vide"
    return False


def _items(file: BinaryIO, meta: Span) -> dict[str, str]:
    start, end = meta
    file.seek(start + 4)
    if file.read(4) != b"hdlr":  # MP4 puts version and flags before the first atom, QuickTime not
        start += 4
    atoms = dict(_atoms(file, (start, end)))
    if "keys" not in atoms or "ilst" not in atoms:
        return {}
    names = _names(file, atoms["keys"])
    found = {}
    for index, item in _atoms(file, atoms["ilst"]):
        place = int.from_bytes(index.encode("latin-1"), "big") - 1  # counted from 1
        values = _find(file, item, "data")
        if values and 0 <= place < len(names) and (value := _value(file, values[0])) is not None:
            found[names[place]] = value
    return found


def _names(file: BinaryIO, keys: Span) -> list[str]:
    start, end = keys  # version and flags, number of entries; then atoms named after a namespace
    names = []
    for _, (first, last) in _atoms(file, (start + 8, end)):
        file.seek(first)
        names.append(file.read(min(last - first, _LONGEST_BYTES)).decode("utf-8", "replace"))
    return names


def _value(file: BinaryIO, data: Span) -> str | None:
    """A text or a number as text; None for anything else."""
    start, end = data  # type, locale; then the value
    if not 8 < end - start <= _LONGEST_BYTES:
        return None
    file.seek(start)
    kind, _ = struct.unpack(">II", file.read(8))
    value = file.read(end - start - 8)
    if kind == _TEXT:
        return value.decode("utf-8", "replace")
    if kind in _SIGNED | _UNSIGNED:
        return str(int.from_bytes(value, "big", signed=kind in _SIGNED))
    if kind in _FLOATS and len(value) in _FLOAT_FORMATS:
        return f"{struct.unpack(_FLOAT_FORMATS[len(value)], value)[0]:g}"
    return None
