"""Folders of motion: what is found in them, whose it is, at which rate."""

from pathlib import Path

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
    write(tmp_path / "short.bvh", seconds=0.5)
    with pytest.raises(InputError, match="holds no motion"):
        read_motion(tmp_path)
    (tmp_path / "a.txt").write_text("no motion")
    with pytest.raises(InputError, match="is no motion"):
        read_motion(tmp_path / "a.txt")


def test_an_npz_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 2)))
    with pytest.raises(InputError, match=r"x has the shape \(3, 2\), not \(T, 15, 3\)"):
        read_motion(tmp_path)
    (tmp_path / "a.npz").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot be read"):
        read_motion(tmp_path)
