"""Folders of motion: what is found in them, whose it is, at which rate."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from bodies_of_motion import STANDING, write_bvh

from gentri.errors import InputError
from gentri.motion import read_motion
from gentri.motion.joints import mocap_joints
from gentri.synthetic import read_clips
from gentri.synthetic.bodies import MOCAP_JOINTS

CLIPS = Path(__file__).parents[2] / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"


def write(path: Path, fps: float = 30.0, seconds: float = 2.0) -> None:
    """A person who glides at 1 m/s along −y."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * fps) + 1)[:, None] / fps
    places = np.array(STANDING["Pelvis"]) - time * [0.0, 1.0, 0.0]
    write_bvh(path, {}, places, order="ZXY", unit_m=0.01, y_up=True, fps=fps)


def test_the_database_that_ships_is_read_as_it_is() -> None:
    clips = read_motion(CLIPS)
    expected = read_clips(CLIPS)
    assert [c.name for c in clips] == [c.name for c in expected]
    assert all(np.array_equal(a.xyz, b.xyz) for a, b in zip(clips, expected, strict=True))


def test_no_body_of_the_database_would_be_refused() -> None:
    for clip in read_clips(CLIPS):
        joints = {name: clip.xyz[:, i] for i, name in enumerate(MOCAP_JOINTS)}
        np.testing.assert_allclose(mocap_joints(joints, CLIPS), clip.xyz, atol=1e-6)


def test_subjects_are_folders_numbers_or_files(tmp_path: Path) -> None:
    for name in ("anna/walk.bvh", "anna/run.BVH", "bob/x/walk.bvh", "35_07.bvh", "carl.bvh"):
        write(tmp_path / name)
    (tmp_path / "anna" / "notes.txt").write_text("not motion")
    found = {clip.name: clip.subject for clip in read_motion(tmp_path)}
    assert found == {
        "35_07": "35",
        "anna/run": "anna",
        "anna/walk": "anna",
        "bob/x/walk": "x",
        "carl": "carl",
    }


@pytest.mark.parametrize("fps", [5.0, 10.0, 25.0, 119.88])
def test_every_rate_becomes_ten_frames_a_second(tmp_path: Path, fps: float) -> None:
    write(tmp_path / "a.bvh", fps)
    (clip,) = read_motion(tmp_path)
    last = int(round(2 * fps) / fps * 10 + 1e-6)
    assert len(clip.xyz) == last + 1
    np.testing.assert_allclose(clip.xyz[:, 0, 1], -np.arange(last + 1) / 10, atol=1e-6)


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_motion(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no motion"):
        read_motion(tmp_path)
    write(tmp_path / "short.bvh", seconds=0.5)
    with pytest.raises(InputError, match=r"short\.bvh: lasts 0\.5\d s\n.*at least 1 s"):
        read_motion(tmp_path)
    (tmp_path / "a.txt").write_text("no motion")
    with pytest.raises(InputError, match="is no motion"):
        read_motion(tmp_path / "a.txt")


def test_what_cannot_serve_is_left_out_and_named(tmp_path: Path, caplog) -> None:
    write(tmp_path / "anna" / "walk.bvh")
    write(tmp_path / "anna" / "static.bvh", seconds=0.5)
    np.savez(tmp_path / "clips.npz", good=standing(), bad=np.zeros((3, 2)))
    assert [clip.name for clip in read_motion(tmp_path)] == ["anna/walk", "good"]
    bad, static = caplog.messages
    assert static.startswith("left out: ") and "static.bvh: lasts 0.5" in static
    assert "clips.npz" in bad and "has the shape (3, 2), not (T, 15, 3)" in bad


def test_where_nothing_can_serve_the_first_reason_is_said(tmp_path: Path) -> None:
    for name in ("a.bvh", "b.bvh"):
        write(tmp_path / name, seconds=0.5)
    found = r"none of the 2 motions in it can serve; the first: .*a\.bvh: lasts"
    with pytest.raises(InputError, match=found):
        read_motion(tmp_path)


def standing() -> np.ndarray:
    """Somebody who stands for 2 s, (20, 15, 3)."""
    return np.tile([STANDING[name] for name in MOCAP_JOINTS], (20, 1, 1))


def test_an_npz_is_held_to_what_other_formats_are(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=standing()[..., [1, 2, 0]] * 1000)  # millimetres, y up
    (clip,) = read_motion(path)
    np.testing.assert_allclose(clip.xyz, standing(), atol=1e-9)
    for damaged, found in (
        (standing()[:9], "x: lasts 0.9 s"),
        (standing() / 3, "the body is 0.5"),
        (standing()[..., [2, 0, 1]], "up is neither y nor z"),
        (standing() * np.where(np.array(MOCAP_JOINTS) == "LWrist", 1.1, 1)[:, None], "forearm"),
        (np.where(np.arange(20) % 8 < 2, np.nan, standing().T).T, "Pelvis for 30 % of the time"),
    ):
        np.savez(path, x=damaged)
        with pytest.raises(InputError, match=found):
            read_motion(path)


def test_an_npz_falls_apart_where_joints_are_missing(tmp_path: Path) -> None:
    xyz = np.concatenate([standing(), standing()])
    xyz[5, 3] = np.nan
    xyz[22:24, 4] = np.inf
    np.savez(tmp_path / "a.npz", cmu_35_07=xyz)
    first, second = read_motion(tmp_path / "a.npz")
    assert (first.name, second.name) == ("cmu_35_07#1", "cmu_35_07#2")
    assert first.subject == second.subject == "35"
    assert (len(first.xyz), len(second.xyz)) == (22, 16)
    np.testing.assert_allclose(first.xyz[:20], standing())


def test_an_npz_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((3, 2)))
    with pytest.raises(InputError, match=r"x: has the shape \(3, 2\), not \(T, 15, 3\)"):
        read_motion(path)
    np.savez(path)
    with pytest.raises(InputError, match="is empty"):
        read_motion(path)


@pytest.mark.parametrize("kind", ["nonsense", "nothing", "cut off", "foreign", "objects", "npy"])
def test_an_npz_that_is_none_is_refused_in_gentris_words(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=standing() if kind == "cut off" else np.array([{}], dtype=object))
    if kind == "foreign":
        with ZipFile(path, "w") as archive:
            archive.writestr("notes.txt", "hello")
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, standing())
    elif kind != "objects":
        content = {"nonsense": b"nonsense", "nothing": b"", "cut off": path.read_bytes()[:-900]}
        path.write_bytes(content[kind])
    with pytest.raises(InputError, match=r"is no whole npz of arrays of numbers\n.*give an npz"):
        read_motion(path)
