"""C3D: joint centres and Plug-in Gait markers, units, gaps, processors, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from bodies_of_motion import STANDING, stacked

from gentri.errors import InputError
from gentri.motion import read_motion
from gentri.synthetic.bodies import MOCAP_JOINTS

c3d = pytest.importorskip("c3d")
pytestmark = pytest.mark.filterwarnings("ignore:No analog data found")

FPS = 50.0
LABELS = {
    "Pelvis": "Pelvis",
    "Head": "Head",
    **{
        side + joint: side + short
        for side in "LR"
        for joint, short in (
            ("Hip", "HJC"),
            ("Knee", "KJC"),
            ("Ankle", "AJC"),
            ("Shoulder", "SJC"),
            ("Elbow", "EJC"),
            ("Wrist", "WJC"),
        )
    },
}
# Millimetres, z up, facing −y, x to the left: a person of 1.75 m with a pelvis 260 mm wide.
MARKERS = {
    "ASI": (130, -90, 1000),
    "PSI": (50, 90, 1000),
    "KNE": (150, -20, 500),
    "ANK": (135, 0, 80),
    "SHO": (200, 0, 1490),
    "ELB": (240, 0, 1200),
    "WRA": (220, -80, 960),
    "WRB": (260, -80, 960),
    "FHD": (70, -100, 1680),
    "BHD": (70, 80, 1680),
}


def write(
    path: Path, points: dict[str, np.ndarray], *, units: str = "mm", scale: float = -1.0
) -> None:
    """Points by label (T, 3); NaN is written as not measured."""
    writer = c3d.Writer(point_rate=FPS, analog_rate=0.0, point_scale=scale, point_units=units)
    xyz = np.stack(list(points.values()), axis=1)
    for frame in xyz:
        missing = np.isnan(frame).any(axis=1)
        rows = np.zeros((len(frame), 5))
        rows[:, :3] = np.where(missing[:, None], 0.0, frame)
        rows[:, 3] = np.where(missing, -1.0, 0.0)
        writer.add_frames([(rows, np.empty((0, 0)))])
    writer.set_point_labels(list(points))
    with path.open("wb") as file:
        writer.write(file)


def walking(ticks: int = 101) -> dict[str, np.ndarray]:
    """Joints (T, 3), metres, of a person who glides along y."""
    shift = np.linspace(0, -2, ticks)[:, None] * [0.0, 1.0, 0.0]
    return {name: np.array(STANDING[name]) + shift for name in MOCAP_JOINTS}


@pytest.mark.parametrize(("units", "unit_m"), [("mm", 1e-3), ("m", 1.0)])
def test_joint_centres_are_read_exactly(tmp_path: Path, units: str, unit_m: float) -> None:
    joints = walking()
    points = {"P1:" + LABELS[name]: joints[name] / unit_m for name in LABELS}
    (tmp_path / "anna").mkdir()
    write(tmp_path / "anna" / "walk.c3d", points, units=units)
    (clip,) = read_motion(tmp_path)
    assert (clip.name, clip.subject) == ("anna/walk", "anna")
    np.testing.assert_allclose(clip.xyz, stacked(joints)[::5], atol=1e-6)


def test_whole_numbers_with_a_scale_are_read(tmp_path: Path) -> None:
    joints = walking()
    write(tmp_path / "a.c3d", {LABELS[name]: joints[name] * 1e3 for name in LABELS}, scale=0.1)
    (clip,) = read_motion(tmp_path / "a.c3d")
    np.testing.assert_allclose(clip.xyz, stacked(joints)[::5], atol=1.1e-4)


def test_gaps_cut_a_clip(tmp_path: Path) -> None:
    joints = walking(201)
    expected = stacked(joints)
    joints["LElbow"][60:70] = np.nan
    joints["RKnee"][90:96] = np.nan  # what lies between is too short
    write(tmp_path / "a.c3d", {LABELS[name]: joints[name] * 1e3 for name in LABELS})
    first, second = read_motion(tmp_path / "a.c3d")
    assert (first.name, second.name) == ("a#1", "a#2")
    np.testing.assert_allclose(first.xyz, expected[:60:5], atol=1e-6)
    np.testing.assert_allclose(second.xyz, expected[96::5], atol=1e-6)


def test_short_gaps_are_filled_in(tmp_path: Path) -> None:
    joints = walking(201)
    expected = stacked(joints)
    for first in range(4, 190, 20):
        joints["LElbow"][first : first + 5] = np.nan  # 0.1 s
        joints["RKnee"][first + 3] = np.nan
    write(tmp_path / "a.c3d", {LABELS[name]: joints[name] * 1e3 for name in LABELS})
    (clip,) = read_motion(tmp_path / "a.c3d")
    np.testing.assert_allclose(clip.xyz, expected[::5], atol=1e-6)


def test_what_was_missing_and_how_long_is_said(tmp_path: Path) -> None:
    joints = walking(200)
    for first in range(0, 200, 40):
        joints["LElbow"][first : first + 20] = np.nan
    joints["RKnee"][38:60] = np.nan
    write(tmp_path / "a.c3d", {LABELS[name]: joints[name] * 1e3 for name in LABELS})
    found = r"in no 1 s every joint is there; missing: LElbow for 50 % of the time, RKnee for 11 %"
    with pytest.raises(InputError, match=found):
        read_motion(tmp_path / "a.c3d")


def markers() -> dict[str, np.ndarray]:
    here = np.ones((101, 1))
    left = {"L" + name: here * xyz for name, xyz in MARKERS.items()}
    return left | {"R" + name: here * xyz * [-1, 1, 1] for name, xyz in MARKERS.items()}


def test_plug_in_gait_markers_become_joint_centres(tmp_path: Path) -> None:
    write(tmp_path / "a.c3d", markers())
    (clip,) = read_motion(tmp_path / "a.c3d")
    at = dict(zip(MOCAP_JOINTS, clip.xyz[0] * 1e3, strict=True))
    np.testing.assert_allclose(at["Pelvis"], (0, 0, 1000), atol=1e-3)
    # Bell: 0.14, 0.19 and 0.30 of 260 mm medial, behind and below the anterior spine.
    np.testing.assert_allclose(at["LHip"], (93.6, -40.6, 922), atol=1e-3)
    np.testing.assert_allclose(at["LHip"] * [-1, 1, 1], at["RHip"], atol=1e-3)
    np.testing.assert_allclose(at["LWrist"], (240, -80, 960), atol=1e-3)
    np.testing.assert_allclose(at["Head"], (0, -10, 1680), atol=1e-3)
    assert np.linalg.norm(at["LKnee"] - (150, -20, 500)) == pytest.approx(52, abs=1e-3)
    assert 95 < at["LKnee"][0] < 105
    assert 95 < at["LAnkle"][0] < 105
    np.testing.assert_allclose(at["LShoulder"][2], 1490 - 0.16 * 260, atol=1e-3)


def test_with_a_sacral_marker_the_pelvis_is_the_same(tmp_path: Path) -> None:
    points = markers()
    write(tmp_path / "a.c3d", points)
    points["SACR"] = (points.pop("LPSI") + points.pop("RPSI")) / 2
    write(tmp_path / "b.c3d", points)
    a, b = read_motion(tmp_path)
    np.testing.assert_allclose(a.xyz, b.xyz, atol=1e-9)


def test_other_markers_are_refused_by_name(tmp_path: Path) -> None:
    points = {label + "X": xyz for label, xyz in markers().items()}
    write(tmp_path / "a.c3d", points)
    with pytest.raises(InputError, match=r"neither joint centres nor Plug-in Gait.*LASIX"):
        read_motion(tmp_path / "a.c3d")


def test_missing_markers_are_named(tmp_path: Path) -> None:
    gone = ("LBHD", "RKNE", "LPSI")
    points = {"P:" + label: xyz for label, xyz in markers().items() if label not in gone}
    write(tmp_path / "a.c3d", points)
    found = (
        r"Plug-in Gait markers LBHD, RKNE, SACR \(or both LPSI and RPSI\) missing\n.*label these"
    )
    with pytest.raises(InputError, match=found):
        read_motion(tmp_path / "a.c3d")


@pytest.mark.parametrize("kind", ["markers", "joints"])
def test_two_people_in_a_file_are_refused(tmp_path: Path, kind: str) -> None:
    joints = walking()
    one = markers() if kind == "markers" else {LABELS[n]: joints[n] * 1e3 for n in LABELS}
    both = {f"{name}:{label}": xyz for name in ("Anna", "Bert") for label, xyz in one.items()}
    write(tmp_path / "a.c3d", both)
    with pytest.raises(InputError, match=r"2 people: Anna, Bert\n.*each person to a file"):
        read_motion(tmp_path / "a.c3d")


def test_things_beside_a_person_are_passed_over(tmp_path: Path) -> None:
    ball = {f"Ball:{name}": np.full((101, 3), 5000.0) for name in ("Head", "B1", "LKNE")}
    write(tmp_path / "a.c3d", ball | {f"Anna:{n}": xyz for n, xyz in markers().items()})
    write(tmp_path / "b.c3d", markers())
    a, b = read_motion(tmp_path)
    np.testing.assert_allclose(a.xyz, b.xyz, atol=1e-9)


def test_what_is_no_c3d_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.c3d").write_bytes(b"not a C3D file" * 100)
    with pytest.raises(InputError, match="is no whole C3D file"):
        read_motion(tmp_path / "a.c3d")
