import os
import sys
from pathlib import Path
from typing import Any

import pytest

from gentri.errors import InputError
from gentri.media.sources import collect_sources, safe_name


def touch(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def test_cameras_are_named_after_their_files_in_natural_order(tmp_path: Path) -> None:
    paths = touch(tmp_path, "cam10.mp4", "cam2.MOV", "Cam1.mkv")
    found = collect_sources(paths)
    assert list(found) == ["Cam1", "cam2", "cam10"]
    assert found["cam2"] == tmp_path / "cam2.MOV"


def test_a_folder_stands_for_its_videos(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4", "._a.mp4", "notes.txt", "thumb.jpg", "deep/c.mp4")
    assert list(collect_sources([tmp_path])) == ["a", "b"]


def test_folders_of_pictures_are_cameras(tmp_path: Path) -> None:
    touch(tmp_path, "left/1.png", "right/1.JPG", "empty/readme.txt")
    assert list(collect_sources([tmp_path])) == ["left", "right"]
    assert list(collect_sources([tmp_path / "right", tmp_path / "left"])) == ["left", "right"]


def test_a_folder_of_one_video_names_the_camera(tmp_path: Path) -> None:
    touch(tmp_path, "cam2/video.mp4", "cam2/video.thm", "cam10/video.mp4", "cam10/.x.mp4")
    expected = {name: tmp_path / name / "video.mp4" for name in ("cam2", "cam10")}
    given = collect_sources([tmp_path / "cam10", tmp_path / "cam2"])
    assert list(given.items()) == list(expected.items())
    assert collect_sources([tmp_path]) == expected


def test_folders_of_videos_and_of_pictures_together(tmp_path: Path) -> None:
    touch(tmp_path, "phone/VID_1.mp4", "still/1.png", "notes/a.txt")
    assert collect_sources([tmp_path]) == {
        "phone": tmp_path / "phone" / "VID_1.mp4",
        "still": tmp_path / "still",
    }


def test_several_videos_in_several_folders_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "cam1/a.mp4", "cam1/b.mp4", "cam2/a.mp4", "cam2/b.mp4")
    with pytest.raises(InputError, match=r"cam. holds 2 videos; .* holds one") as caught:
        collect_sources([tmp_path])
    assert "give the video files themselves" in caught.value.hint
    with pytest.raises(InputError, match="two cameras have the same name") as caught:
        collect_sources([tmp_path / "cam1", tmp_path / "cam2"])
    assert "after its folder" in caught.value.hint


def test_a_folder_and_the_video_in_it(tmp_path: Path) -> None:
    touch(tmp_path, "cam1/video.mp4", "cam2/video.mp4")
    with pytest.raises(InputError, match="given twice"):
        collect_sources([tmp_path / "cam1", tmp_path / "cam1" / "video.mp4", tmp_path / "cam2"])


def test_videos_and_pictures_together(tmp_path: Path) -> None:
    (video,) = touch(tmp_path, "a.mp4")
    touch(tmp_path, "b.1/1.png")
    assert collect_sources([video, tmp_path / "b.1"]) == {"a": video, "b_1": tmp_path / "b.1"}


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "-x.mp4", "sub/y.mp4")
    monkeypatch.chdir(tmp_path / "sub")
    found = collect_sources([Path("../-x.mp4"), Path("y.mp4")])
    assert found == {"x": tmp_path / "-x.mp4", "y": tmp_path / "sub" / "y.mp4"}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("cam 1", "cam_1"),
        ("-rf", "rf"),
        ("..", "camera"),
        ("Кäm_日本", "Кäm_日本"),
        ("a/b\\c\nd%d'\"", "a_b_c_d_d"),
        ("_parts", "parts"),
        ("CON", "CON_"),
        ("", "camera"),
        ("cafe\u0301", "café"),
    ],
)
def test_names_serve_as_folder_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert safe_name(safe) == safe


def test_long_names_stay_file_names() -> None:
    assert len(safe_name("日" * 300).encode()) < 250


def test_names_made_safe_do_not_collide(tmp_path: Path) -> None:
    paths = touch(tmp_path, "cam 1.mp4", "cam_1.mp4", "cam%1.mp4", "cam_1_2.mp4")
    found = collect_sources(paths)
    assert sorted(map(str, found.values())) == sorted(map(str, paths))
    assert len({name.casefold() for name in found}) == 4
    assert all(safe_name(name) == name for name in found)


def test_long_names_stay_safe_when_they_are_told_apart(tmp_path: Path) -> None:
    names = [f"{'a' * 60}{tail}.mp4" for tail in ("x", "y", "z")]
    found = collect_sources(touch(tmp_path, *names))
    assert list(found) == ["a" * 60, "a" * 58 + "_2", "a" * 58 + "_3"]
    assert all(safe_name(name) == name for name in found)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (good,) = touch(tmp_path, "good.mp4")
    bad = Path(os.fsdecode(os.fsencode(tmp_path) + b"/cam\xff.mp4"))
    bad.touch()
    for paths in ([good, bad], [tmp_path]):
        with pytest.raises(InputError, match=r"cam\\xff\.mp4 is not valid UTF-8") as caught:
            collect_sources(paths)
        assert caught.value.hint.startswith("rename it")
        str(caught.value).encode()


def test_a_path_below_an_unreadable_folder_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = touch(tmp_path, "a.mp4", "locked/b.mp4")
    real = os.stat

    def stat(path: Any, *args: Any, **options: Any) -> os.stat_result:
        if Path(path) == paths[1]:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(InputError, match=r"b\.mp4 cannot be read: Permission denied") as caught:
        collect_sources(paths)
    assert "folders above it" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x/cam.mp4", "y/cam.mp4"], "two cameras have the same name"),
        (["cam.mp4", "cam.mov"], "two cameras have the same name"),
        (["x/cam.mp4", "y/CAM.mp4"], "names equal up to case"),
        (["cam.mp4", "cam.mp4"], "given twice"),
        (["cam.mp4"], "only one camera"),
        (["x/readme.txt"], "only one camera"),
    ],
)
def test_refusals(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        collect_sources(touch(tmp_path, *names))
    assert caught.value.hint
    for name in names:
        assert str(tmp_path / name) in caught.value.message


def test_nothing_and_nowhere(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no video was given"):
        collect_sources([])
    with pytest.raises(InputError, match="does not exist"):
        collect_sources([tmp_path / "a.mp4", tmp_path / "b.mp4"])
    with pytest.raises(InputError, match=r"neither videos, nor pictures, nor folders of them\n"):
        collect_sources([tmp_path])
    (tmp_path / "cam01_json").mkdir()
    (tmp_path / "cam01_json" / "cam01_0_keypoints.json").write_text('{"people": []}')
    with pytest.raises(InputError, match=r"may be keypoints\n.*--keypoints .*") as caught:
        collect_sources([tmp_path])
    assert caught.value.hint.endswith(f"--keypoints {tmp_path}")
