import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenes import PLAIN_NAMES, assert_same, make_camera, make_rig, varied_rig

from gentri.data import Rig, Rigid3
from gentri.errors import InputError
from gentri.rigs import native
from gentri.rigs.formats import WRITERS, Writer, read_intrinsics, read_rig

NATIVE = Writer("rig.toml", ("rig.toml",), "cameras", native.write)
ALL = {**WRITERS, "rig": NATIVE}
# What a name may be made of, besides letters and digits.
ODD_NAMES = {
    "rig": ("Süd [2]", "a.b", "-x", 'quo"te', "none", "../up"),
    "pose2sim": ("Süd [2]", "a.b", "-x", 'quo"te', "metadata", "../up"),
    "aniposelib": ("Süd [2]", "a.b", "-x", 'quo"te', "metadata", "../up"),
    "easymocap": ("Süd 2", "-x", "01", "None"),
    "colmap": ("Süd[2]", "a.b", "-x", 'quo"te', "a.JPG"),
    "nerfstudio": ("Süd [2]", "a.b", "-x", 'quo"te', "a.png"),
    "opencv": ("Süd 2", "-x", "01", "None", "a.b"),
    "qualisys": ("Süd [2]", "a.b", "-x", 'quo"te', "<&>", "../up"),
}


def rig_for(kind: str, names: tuple[str, ...] = PLAIN_NAMES) -> Rig:
    """Varied as far as the format goes."""
    rig = varied_rig(tuple(sorted(names)) if kind == "opencv" else names)  # files have no order
    return straight(rig) if kind == "qualisys" else rig


def straight(rig: Rig) -> Rig:
    return replace(rig, cameras=tuple(replace(c, dist=np.zeros(5)) for c in rig.cameras))


@pytest.mark.parametrize("kind", ALL)
def test_what_is_written_is_read(kind: str, tmp_path: Path) -> None:
    rig, writer = rig_for(kind), ALL[kind]
    writer.write(rig, tmp_path / writer.target)
    found = {str(f.relative_to(tmp_path).as_posix()) for f in tmp_path.rglob("*") if f.is_file()}
    assert found == set(writer.files_of(rig))
    assert_same(read_rig(tmp_path / writer.target), rig)


@pytest.mark.parametrize("kind", ALL)
def test_names_survive(kind: str, tmp_path: Path) -> None:
    rig, writer = rig_for(kind, ODD_NAMES[kind]), ALL[kind]
    writer.write(rig, tmp_path / writer.target)
    assert_same(read_rig(tmp_path / writer.target), rig)


@pytest.mark.parametrize("kind", ALL)
def test_every_attitude_survives(kind: str, tmp_path: Path) -> None:
    """Half turns and no turn are where Rodrigues vectors and quaternions break."""
    vectors = np.pi * np.array([[0, 0, 0], [1, 0, 0], [0, -1, 0], [0, 0.6, 0.8], [1e-9, 0, 0]])
    camera, writer = rig_for(kind, ("a",)).cameras[0], ALL[kind]
    poses = [Rigid3(cv2.Rodrigues(v)[0], np.array([0.1, -2.0, 3.0])) for v in vectors]
    rig = make_rig(*(replace(camera, name=f"c{i}", cam_from_world=p) for i, p in enumerate(poses)))
    writer.write(rig, tmp_path / writer.target)
    assert_same(read_rig(tmp_path / writer.target), rig)


@pytest.mark.parametrize("kind", ALL)
def test_more_than_a_hundred_cameras_keep_their_order(kind: str, tmp_path: Path) -> None:
    rig, writer = rig_for(kind, tuple(f"cam{i}" for i in range(120, 0, -1))), ALL[kind]
    writer.write(rig, tmp_path / writer.target)
    assert read_rig(tmp_path / writer.target).names == rig.names


@pytest.mark.parametrize("kind", ALL)
def test_equal_rigs_give_equal_bytes(kind: str, tmp_path: Path) -> None:
    writer = ALL[kind]
    for side in ("one", "other"):
        (tmp_path / side).mkdir()
        writer.write(rig_for(kind), tmp_path / side / writer.target)
    for name in writer.files_of(rig_for(kind)):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.mark.parametrize("kind", ALL)
def test_any_rig_gives_lenses(kind: str, tmp_path: Path) -> None:
    rig, writer = rig_for(kind), ALL[kind]
    writer.write(rig, tmp_path / writer.target)
    lenses = read_intrinsics(tmp_path / writer.target)
    assert tuple(lenses) == rig.names
    for camera in rig.cameras:
        lens = lenses[camera.name]
        assert (lens.width, lens.height, lens.source, lens.focal_sigma) == (1080, 1920, "given", 0)
        np.testing.assert_allclose(lens.K, camera.K, atol=1e-9)
        np.testing.assert_allclose(lens.dist, camera.dist, atol=1e-12)


@pytest.mark.parametrize("kind", WRITERS)
def test_other_tools_cameras_are_given(kind: str, tmp_path: Path) -> None:
    writer = WRITERS[kind]
    writer.write(rig_for(kind), tmp_path / writer.target)
    rig = read_rig(tmp_path / writer.target)
    assert {camera.intrinsics_source for camera in rig.cameras} == {"given"}
    assert rig.scale_source.startswith("given, ")


BAD_RIGS = {
    "skewed pixels": lambda c: replace(c, K=c.K + np.eye(3, k=1) * 0.5),
    "NaN": lambda c: replace(c, dist=np.full(5, np.nan)),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("message", BAD_RIGS)
def test_what_no_file_can_hold_is_refused(kind: str, message: str, tmp_path: Path) -> None:
    rig, writer = make_rig(BAD_RIGS[message](make_camera("a", 0.3))), WRITERS[kind]
    with pytest.raises(InputError, match=message) as refusal:
        writer.write(rig, tmp_path / writer.target)
    assert refusal.value.hint
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("kind", WRITERS)
def test_two_cameras_of_one_name_and_none_at_all_are_refused(kind: str, tmp_path: Path) -> None:
    camera, writer = make_camera("a", 0.3), WRITERS[kind]
    with pytest.raises(InputError, match="two cameras are named 'a'"):
        writer.write(make_rig(camera, camera), tmp_path / writer.target)
    with pytest.raises(InputError, match="without cameras"):
        writer.write(Rig((), "given", 0.0), tmp_path / writer.target)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("easymocap", "none"),
        ("easymocap", "a.b"),
        ("easymocap", 'quo"te'),
        ("easymocap", "new\nline"),
        ("easymocap", "a: b"),
        ("opencv", "intri"),
        ("opencv", "a/b"),
        ("opencv", "new\nline"),
        ("opencv", "a."),
        ("colmap", "a b"),
        ("colmap", "a/b"),
        ("nerfstudio", "a/b"),
        ("qualisys", " a"),
        ("pose2sim", "\udcff"),
        ("aniposelib", "\udcff"),
    ],
)
def test_names_that_a_file_would_break_are_refused(kind: str, name: str, tmp_path: Path) -> None:
    writer = WRITERS[kind]
    with pytest.raises(InputError) as refusal:
        writer.write(make_rig(make_camera(name, 0.3, straight=True)), tmp_path / writer.target)
    assert "rename" in refusal.value.hint
    assert not [f for f in tmp_path.rglob("*") if f.is_file()]


def test_a_rig_in_millimetres_is_not_taken_for_metres(tmp_path: Path) -> None:
    rig = varied_rig()
    poses = [replace(c.cam_from_world, t=1000 * c.cam_from_world.t) for c in rig.cameras]
    cameras = [replace(c, cam_from_world=p) for c, p in zip(rig.cameras, poses, strict=True)]
    for kind, writer in WRITERS.items():
        written = make_rig(*cameras)
        writer.write(straight(written) if kind == "qualisys" else written, tmp_path / writer.target)
        with pytest.raises(InputError, match="metres are needed"):
            read_rig(tmp_path / writer.target)
        assert len(read_intrinsics(tmp_path / writer.target)) == len(cameras)


@pytest.mark.parametrize("kind", WRITERS)
def test_other_files_do_not_make_a_scale_exact(kind: str, tmp_path: Path) -> None:
    """Of a rig whose scale is an average adult's, only gentri's own file says so."""
    assumed = replace(rig_for(kind), scale_source="population prior", scale_sigma=0.06)
    WRITERS[kind].write(assumed, tmp_path / WRITERS[kind].target)
    found = read_rig(tmp_path / WRITERS[kind].target)
    assert np.isnan(found.scale_sigma)
    assert "not stated" in found.scale_source
    native.write(assumed, tmp_path / "rig.toml")
    assert read_rig(tmp_path / "rig.toml").scale_sigma == 0.06


def test_bent_lenses_are_not_written_for_qualisys(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not publish") as refusal:
        WRITERS["qualisys"].write(varied_rig(), tmp_path / "Calib.qca.txt")
    assert "another format" in refusal.value.hint
    assert not list(tmp_path.iterdir())
