"""Metadata items as phones write them into QuickTime movies."""

import struct
from pathlib import Path
from typing import Literal

Value = str | int | float


def atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def data(value: Value) -> bytes:
    if isinstance(value, str):
        return atom(b"data", struct.pack(">II", 1, 0) + value.encode())
    if isinstance(value, int):
        return atom(b"data", struct.pack(">IIi", 21, 0, value))
    return atom(b"data", struct.pack(">IIf", 23, 0, value))


def meta_atom(items: dict[str, Value], full_box: bool) -> bytes:
    handler = atom(b"hdlr", bytes(8) + b"mdta" + bytes(12))
    keys = b"".join(atom(b"mdta", key.encode()) for key in items)
    keys = atom(b"keys", struct.pack(">II", 0, len(items)) + keys)
    values = b"".join(atom(struct.pack(">I", i + 1), data(v)) for i, v in enumerate(items.values()))
    return atom(b"meta", bytes(4) * full_box + handler + keys + atom(b"ilst", values))


def add_items(
    movie: Path, items: dict[str, Value], where: Literal["moov", "trak"], full_box: bool = False
) -> None:
    """Put items at the end of a movie's index, its last atom, or of the first track in there."""
    content = movie.read_bytes()
    moov = content.rindex(b"moov") - 4
    places = [moov] if where == "moov" else [moov, content.index(b"trak", moov) - 4]
    added = meta_atom(items, full_box)
    (size,) = struct.unpack_from(">I", content, places[-1])
    end = places[-1] + size
    grown = bytearray(content[:end] + added + content[end:])
    for place in places:
        (size,) = struct.unpack_from(">I", grown, place)
        struct.pack_into(">I", grown, place, size + len(added))
    movie.write_bytes(grown)
