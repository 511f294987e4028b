"""Options that name files from elsewhere, keypoints and single settings."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tomlkit
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "keypoints"))

from trees import write_openpose

from gentri.cli.app import app
from gentri.cli.request import parse_edits, parse_given, texts
from gentri.errors import UsageError
from gentri.stages import STAGES
from gentri.synthetic import camera_ring

Call = Callable[..., dict]
PERSON = [[[float(50 + 7 * j), float(60 + 3 * (j % 5)), 0.9] for j in range(26)]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "b.mp4", "rig.toml", "world.toml"):
        (tmp_path / name).write_bytes(name.encode())
    for name, frames in (("a_json", [PERSON] * 6), ("b_json", [PERSON[:0], *[PERSON] * 5])):
        write_openpose(tmp_path / "pose" / name, frames)
    for name in ("take2", "take3"):
        (tmp_path / name).mkdir()
    return tmp_path


def call(*words: str) -> dict:
    """Run a command that must succeed."""
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def torch_has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def write_rig(path: str) -> None:
    """Cameras a and b."""
    rig = camera_ring(2)
    cameras = (replace(c, name=n) for c, n in zip(rig.cameras, "ab", strict=True))
    replace(rig, cameras=tuple(cameras)).save(Path(path))


def refused(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    assert done.exit_code in (1, 2)
    return done.stderr


def session() -> dict:
    text = Path("gentri-session/session.toml").read_text(encoding="utf-8")
    return tomlkit.parse(text).unwrap()


KEYPOINTS = ("--keypoints", "pose", "--fps", "20", "--size", "300x200")


def test_keypoints_in_place_of_videos(place: Path) -> None:
    answer = call("detect", *KEYPOINTS)
    assert [stage["action"] for stage in answer["stages"]] == ["ran", "ran"]
    assert answer["stages"][0]["metrics"]["skeleton"] == "halpe26"
    assert session()["sources"] == {"a": "../pose/a_json", "b": "../pose/b_json"}
    assert session()["frames"] == {"image_fps": 20.0, "keypoint_size_px": ["300x200"]}
    assert [stage["action"] for stage in call("detect")["stages"]] == ["kept", "kept"]
    assert [stage["action"] for stage in call("detect", *KEYPOINTS)["stages"]] == ["kept", "kept"]


def test_an_edited_frame_makes_the_session_stale(place: Path) -> None:
    call("detect", *KEYPOINTS)
    write_openpose(place / "pose" / "b_json", [[]], first=3)
    first, second = call("status")["stages"][:2]
    assert (first["state"], first["reasons"]) == ("stale", ["sources changed: b"])
    assert second["state"] == "stale"
    assert [stage["action"] for stage in call("detect")["stages"]] == ["ran", "ran"]
    (place / "pose" / "a_json" / "000006_keypoints.json").write_text('{"people": []}')
    assert call("status")["stages"][0]["reasons"] == ["sources changed: a"]


def test_a_session_of_keypoints_outlives_and_moves_with_its_files(place: Path) -> None:
    call("detect", *KEYPOINTS)
    (place / "pose").rename(place / "elsewhere")
    assert call("status")["stages"][1]["state"] == "fresh"
    words = ("detect", "--keypoints", "elsewhere")
    assert [stage["action"] for stage in call(*words)["stages"]] == ["kept", "kept"]
    assert session()["sources"]["a"] == "../elsewhere/a_json"


def test_keypoints_that_cannot_serve(place: Path) -> None:
    said = refused("detect", "--keypoints", "pose", "a.mp4")
    assert "videos and --keypoints were given together" in said
    said = refused("detect", "--keypoints", "pose/a_json", "pose/b_json")
    assert (
        "--keypoints takes one folder or file; behind it stand 1 more, such as pose/b_json" in said
    )
    assert (
        "write --keypoints before each of them, or give the folder above: --keypoints pose" in said
    )
    said = refused("detect", "--keypoints", "pose")
    assert "the image size is not known of: a (joints up to x 225, y 72), b (" in said
    assert "--size a=WIDTHxHEIGHT --size b=WIDTHxHEIGHT" in said
    said = refused("detect", "--size", "300x200")
    assert "do not tell their frame rate\n  → add it to the command, such as --fps 60" in said
    assert "needed WIDTHxHEIGHT or CAMERA=" in refused("detect", "--size", "big")
    assert "needed" in refused("detect", "--skeleton", "halpe27")
    assert "people have 26 joints, body25 has 25" in refused("detect", "--skeleton", "body25")
    assert "holds no keypoint files; in it, these do: pose" in refused("run", "--keypoints", ".")


def test_sizes_of_single_cameras(place: Path) -> None:
    sizes = ("--size", "300x200", "--size", "b=640x480")
    call("frames", "--keypoints", "pose", "--fps", "29.97", *sizes)
    assert session()["frames"]["keypoint_size_px"] == ["300x200", "b=640x480"]


def test_files_from_elsewhere_are_written_into_the_session(place: Path) -> None:
    takes = ("--take", "take2", "--take", "take3")
    call("detect", *KEYPOINTS, "--rig", "rig.toml", "--world", "world.toml", *takes)
    given = {
        "rig": "../rig.toml",
        "world": "../world.toml",
        "takes": ["../take2", "../take3"],
    }
    assert session()["given"] == given
    call("detect", "--intrinsics", "rig.toml", "--rig", "none", "--take", "none")
    del given["rig"], given["takes"]
    assert session()["given"] == given | {"intrinsics": "../rig.toml"}


def test_a_file_that_is_not_there_is_refused_at_once(place: Path) -> None:
    said = refused("triangulate", "--keypoints", "pose", "--rig", "absent.toml")
    assert "gentri: rig: there is no absent.toml\n" in said
    assert not Path("gentri-session").exists()
    call("detect", *KEYPOINTS)
    before = session()
    assert "takes: there is no nowhere" in refused("run", "--take", "take2", "--take", "nowhere")
    assert "there is no absent.toml" in refused("run", "--dry-run", "--world", "absent.toml")
    assert session() == before


def test_slips_show_before_the_first_stage(place: Path) -> None:
    """Also in a rehearsal; nothing is detected for hours first."""
    slips = {
        ("--distance", "a:c=3"): "unknown camera in calibrate.camera_distance: c",
        ("--set", 'calibrate.subject=["c:1"]'): "unknown camera in calibrate.subject: c",
        ("--rig", "rig.toml"): "rig.toml",
        ("--world", "world.toml"): "world.toml",
    }
    for words, said in slips.items():
        assert said in refused("run", *KEYPOINTS, *words, "--dry-run")
    assert not Path("gentri-session").exists()
    assert "rig.toml" in (said := refused("run", *KEYPOINTS, "--rig", "rig.toml"))
    assert "or go on without it: --rig none" in said
    assert not Path("gentri-session/frames").exists()
    call("detect", "--rig", "none")


@pytest.mark.skipif(torch_has_cuda(), reason="CUDA is there")
def test_a_device_that_is_not_there(place: Path) -> None:
    said = refused("run", *KEYPOINTS, "--device", "cuda", "--dry-run")
    assert "this machine has no device 'cuda'" in said


def test_a_rehearsal_writes_nothing(place: Path) -> None:
    write_rig("rig.toml")
    words = ("calibrate", *KEYPOINTS, "--rig", "rig.toml", "--dry-run")
    planned = call(*words)["stages"]
    assert [p["state"] for p in planned] == ["missing"] * 3
    assert not Path("gentri-session").exists()
    call("detect", *KEYPOINTS)
    before = session()
    assert [p["state"] for p in call(*words)["stages"]] == ["fresh", "fresh", "missing"]
    assert session() == before


def test_short_options_are_settings() -> None:
    edits = parse_edits(["a.b = 2", "calibrate.bone_length=none"], {"a.b": "1", "c.d": None})
    assert edits == {"a.b": "2", "calibrate.bone_length": "none"}
    with pytest.raises(UsageError, match=r"--set a\.b has no value"):
        parse_edits(["a.b"], {})
    assert texts(["1x1", 'a"=2x2']) == r'["1x1", "a\"=2x2"]'
    assert texts([]) is texts(None) is None


def test_given_options() -> None:
    one, two = Path("one"), Path("two")
    options = {"rig": one, "world": None, "intrinsics": Path("none"), "takes": [one, two]}
    assert parse_given(options) == {"rig": (one,), "intrinsics": (), "takes": (one, two)}
    assert parse_given({"takes": [Path("none")]}) == {"takes": ()}
    assert parse_given({"takes": []}) == {}


SHORT = {
    "camera_distance": ("--distance", "cam01:cam02=3.2"),
    "bone_length": ("--bone", "left_hip:left_knee=0.42"),
}


@pytest.mark.parametrize("name", SHORT)
def test_scales_are_settings_of_calibrate(place: Path, name: str) -> None:
    if name not in {f for stage in STAGES for f in stage.params.__dataclass_fields__}:
        pytest.skip(f"calibrate has no setting {name}")
    call("detect", *KEYPOINTS, *SHORT[name])
    assert session()["calibrate"] == {name: SHORT[name][1]}


def test_help_does_not_read_keypoints() -> None:
    code = "import sys, gentri.cli.run; print([m for m in sys.modules if 'keypoints' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
