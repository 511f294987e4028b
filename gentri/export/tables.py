"""Skeletons as text tables: CSV in long form, TRC for OpenSim."""

from collections.abc import Iterator
from math import isfinite
from pathlib import Path

from gentri.data import Poses3D
from gentri.pipeline.atomic import atomic_write
from gentri.ticks import mean_rate_hz

CSV_COLUMNS = ("time_s", "person", "joint", "x_m", "y_m", "z_m", "score", "reproj_px")

_TRC_KEYS = (
    "DataRate",
    "CameraRate",
    "NumFrames",
    "NumMarkers",
    "Units",
    "OrigDataRate",
    "OrigDataStartFrame",
    "OrigNumFrames",
)


def write_csv(poses: Poses3D, path: Path) -> None:
    """Write one row per tick, person and joint, in the world of `rig.toml` (metres, z up).

    A joint that was not measured keeps its row, so that the table stays regular; its cells are
    empty.
    """
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(CSV_COLUMNS) + "\n")
        for tick in range(len(poses.time_s)):
            file.writelines(_csv_rows(poses, tick))


def _csv_rows(poses: Poses3D, tick: int) -> Iterator[str]:
    time_s = f"{poses.time_s[tick]:.6f}"
    values = zip(
        poses.xyz[tick].tolist(),
        poses.score[tick].tolist(),
        poses.reproj_px[tick].tolist(),
        strict=True,
    )
    for person, (xyz, score, reproj_px) in enumerate(values):
        for joint, (x, y, z), s, r in zip(
            poses.skeleton.joints, xyz, score, reproj_px, strict=True
        ):
            cells = (_cell(x, 6), _cell(y, 6), _cell(z, 6), _cell(s, 4), _cell(r, 3))
            yield ",".join((time_s, str(person), joint, *cells)) + "\n"


def write_trc(poses: Poses3D, person: int, path: Path) -> None:
    """Write one person as an OpenSim marker file: metres, y up, (X, Y, Z) → (Y, Z, X).

    The layout is that of OpenSim's own writer (TRCFileAdapter.cpp): every line, header or data,
    ends in a tab. Without it OpenSim drops an empty last cell and refuses the row.

    Args:
        poses: at least one tick.
        person: position on the P axis.
        path: the file.

    Raises:
        ValueError: no tick; OpenSim never returns from reading a TRC without rows.
    """
    if len(poses.time_s) == 0:
        raise ValueError("a TRC file needs at least one tick, got none")
    y_up = poses.xyz[:, person][..., [1, 2, 0]]
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(_trc_header(poses, path.name))
        for tick, (time_s, joints) in enumerate(zip(poses.time_s, y_up, strict=True)):
            cells = (_cell(v, 6) for v in joints.ravel().tolist())
            file.write("\t".join((str(tick + 1), f"{time_s:.6f}", *cells)) + "\t\n")


def _trc_header(poses: Poses3D, file_name: str) -> str:
    joints, frames = poses.skeleton.joints, str(len(poses.time_s))
    rate = f"{mean_rate_hz(poses.time_s):.6f}"
    axes = "".join(f"X{i}\tY{i}\tZ{i}\t" for i in range(1, len(joints) + 1))
    return "\n".join(
        (
            f"PathFileType\t4\t(X/Y/Z)\t{file_name}\t",
            "\t".join(_TRC_KEYS) + "\t",
            "\t".join((rate, rate, frames, str(len(joints)), "m", rate, "1", frames)) + "\t",
            "Frame#\tTime\t" + "".join(f"{joint}\t\t\t" for joint in joints),
            f"\t\t{axes}",
            "",
        )
    )


def _cell(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if isfinite(value) else ""
