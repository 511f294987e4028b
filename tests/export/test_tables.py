import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gentri.data import Poses3D
from gentri.export.tables import write_csv, write_trc
from gentri.skeletons import COCO17

HEAD_Z, ANKLE_Z = 1.7, 0.1


def make_poses(ticks: int = 5, people: int = 1, rate_hz: float = 50.0) -> Poses3D:
    """People who stand upright, 2 m apart along y, and walk along x."""
    joints, shape = len(COCO17), (ticks, people, len(COCO17))
    xyz = np.zeros((*shape, 3), np.float32)
    xyz[..., 0] = 0.1 * np.arange(ticks)[:, None, None] + 3
    xyz[..., 1] = 2 * np.arange(people)[None, :, None] - 5
    xyz[..., 2] = np.linspace(HEAD_Z, ANKLE_Z, joints)
    return Poses3D(
        xyz,
        np.full(shape, 0.75, np.float32),
        np.full(shape, 2.5, np.float32),
        np.ones((*shape, 2), bool),
        np.full(shape, 0.02, np.float32),
        np.arange(ticks) / rate_hz,
        ("a", "b"),
        COCO17,
    )


def without(poses: Poses3D, tick: int, person: int, joint: str) -> Poses3D:
    """The same skeletons with one joint not measured."""
    at = (tick, person, poses.skeleton.index(joint))
    xyz, score, reproj = poses.xyz.copy(), poses.score.copy(), poses.reproj_px.copy()
    xyz[at], score[at], reproj[at] = np.nan, np.nan, np.nan
    return replace(poses, xyz=xyz, score=score, reproj_px=reproj)


def tokenize(line: str) -> list[str]:
    """Split as OpenSim does: what follows the last tab counts only when it is not empty."""
    cells = line.split("\t")
    return cells if cells[-1] else cells[:-1]


def read_trc(path: Path) -> tuple[dict[str, str], list[str], np.ndarray, np.ndarray]:
    """Read by the rules of OpenSim's TRCFileAdapter: header values, markers, times, (T, M, 3)."""
    text = path.read_bytes().decode("ascii")
    assert "\r" not in text and text.endswith("\n")
    lines = text.split("\n")[:-1]
    assert tokenize(lines[0])[0] == "PathFileType"
    header = dict(zip(filter(None, tokenize(lines[1])), tokenize(lines[2]), strict=True))
    labels = [cell for cell in tokenize(lines[3]) if cell]
    assert labels[:2] == ["Frame#", "Time"]
    markers = labels[2:]
    assert len(markers) == int(header["NumMarkers"])
    axes = [cell for cell in tokenize(lines[4]) if cell]
    assert axes == [f"{a}{i + 1}" for i in range(len(markers)) for a in "XYZ"]
    rows = [tokenize(line) for line in lines[5:]]
    assert all(len(row) == 2 + 3 * len(markers) for row in rows)
    assert [int(row[0]) for row in rows] == list(range(1, int(header["NumFrames"]) + 1))
    values = [[float(cell) if cell else np.nan for cell in row[2:]] for row in rows]
    times = np.array([float(row[1]) for row in rows])
    return header, markers, times, np.array(values).reshape(len(rows), len(markers), 3)


def test_csv_holds_every_joint_of_every_person(tmp_path: Path) -> None:
    poses = make_poses(ticks=3, people=2)
    write_csv(poses, tmp_path / "poses3d.csv")
    with (tmp_path / "poses3d.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "time_s", "person", "joint", "x_m", "y_m", "z_m", "score", "reproj_px",
    ]  # fmt: skip
    assert len(rows) == 3 * 2 * 17
    for row in rows:
        tick = round(float(row["time_s"]) * 50)
        at = (tick, int(row["person"]), COCO17.index(row["joint"]))
        xyz = [float(row[c]) for c in ("x_m", "y_m", "z_m")]
        np.testing.assert_allclose(xyz, poses.xyz[at], atol=1e-6)
        assert (float(row["score"]), float(row["reproj_px"])) == (0.75, 2.5)


def test_csv_leaves_the_cells_of_a_missing_joint_empty(tmp_path: Path) -> None:
    write_csv(without(make_poses(), 2, 0, "left_knee"), tmp_path / "poses3d.csv")
    text = (tmp_path / "poses3d.csv").read_text(encoding="utf-8")
    assert "0.040000,0,left_knee,,,,,\n" in text
    assert "nan" not in text.lower()


def test_csv_without_ticks_is_its_header(tmp_path: Path) -> None:
    write_csv(make_poses(ticks=0), tmp_path / "poses3d.csv")
    text = (tmp_path / "poses3d.csv").read_text(encoding="utf-8")
    assert text == "time_s,person,joint,x_m,y_m,z_m,score,reproj_px\n"


def test_trc_is_read_back_by_opensims_rules(tmp_path: Path) -> None:
    poses = make_poses(ticks=4, people=2)
    write_trc(poses, 1, tmp_path / "p.trc")
    header, markers, times, xyz = read_trc(tmp_path / "p.trc")
    assert markers == list(COCO17.joints)
    assert header["Units"] == "m"
    assert float(header["DataRate"]) == float(header["CameraRate"]) == 50.0
    assert header["NumFrames"] == header["OrigNumFrames"] == "4"
    np.testing.assert_allclose(times, poses.time_s, atol=1e-6)
    x, y, z = np.moveaxis(poses.xyz[:, 1], -1, 0)
    np.testing.assert_allclose(xyz, np.stack([y, z, x], axis=-1), atol=1e-6)


def test_a_standing_person_stands_along_y_in_trc(tmp_path: Path) -> None:
    write_trc(make_poses(), 0, tmp_path / "p.trc")
    _, markers, _, xyz = read_trc(tmp_path / "p.trc")
    head, ankle = xyz[0, markers.index("nose")], xyz[0, markers.index("right_ankle")]
    np.testing.assert_allclose(head - ankle, [0, HEAD_Z - ANKLE_Z, 0], atol=1e-6)


def test_trc_axes_stay_right_handed(tmp_path: Path) -> None:
    poses = make_poses()
    basis = np.vstack([np.eye(3), np.zeros((14, 3))]).astype(np.float32)
    write_trc(replace(poses, xyz=np.tile(basis, (5, 1, 1, 1))), 0, tmp_path / "p.trc")
    x, y, z = read_trc(tmp_path / "p.trc")[3][0, :3]
    np.testing.assert_allclose(np.cross(x, y), z)


@pytest.mark.parametrize("joint", ["nose", "left_hip", "right_ankle"])
def test_trc_leaves_missing_cells_empty_even_at_the_end(tmp_path: Path, joint: str) -> None:
    write_trc(without(make_poses(), 1, 0, joint), 0, tmp_path / "p.trc")
    xyz = read_trc(tmp_path / "p.trc")[3]
    missing = np.zeros(xyz.shape, bool)
    missing[1, COCO17.index(joint)] = True
    np.testing.assert_array_equal(np.isnan(xyz), missing)
    assert "nan" not in (tmp_path / "p.trc").read_text().lower()


def test_trc_of_irregular_stamps_keeps_them_and_states_the_mean_rate(tmp_path: Path) -> None:
    rounded = np.round(np.arange(61) / 60, 3)  # as a container of millisecond stamps
    poses = replace(make_poses(ticks=61), time_s=rounded)
    write_trc(poses, 0, tmp_path / "p.trc")
    header, _, times, _ = read_trc(tmp_path / "p.trc")
    assert float(header["DataRate"]) == pytest.approx(60.0)
    np.testing.assert_array_equal(times, rounded)


def test_trc_of_one_tick_has_a_usable_rate(tmp_path: Path) -> None:
    write_trc(make_poses(ticks=1), 0, tmp_path / "p.trc")
    header, _, times, _ = read_trc(tmp_path / "p.trc")
    assert len(times) == 1
    assert float(header["DataRate"]) > 0


def test_trc_without_ticks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one tick"):
        write_trc(make_poses(ticks=0), 0, tmp_path / "p.trc")
    assert list(tmp_path.iterdir()) == []
