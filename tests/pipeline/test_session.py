import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomlkit

from gentri.errors import InputError, SessionError, UsageError
from gentri.pipeline.session import Session


def _sources(session: Session) -> dict[str, str]:
    return tomlkit.parse(session.settings_file.read_text()).unwrap()["sources"]


def test_sources_keep_their_order_and_relative_paths(tmp_path, videos):
    order = ["cam2", "cam0", "cam1"]
    session = Session.create(tmp_path / "session", {n: videos[n] for n in order})
    assert list(session.sources) == order
    assert list(Session.open(session.root).sources) == order
    assert _sources(session)["cam2"] == "../videos/cam2.mp4"


def test_the_same_videos_in_another_order_keep_the_session_order(session, videos):
    again = Session.create(session.root, dict(reversed(videos.items())))
    assert list(again.sources) == list(videos)


def test_moved_videos_are_taken_up_and_comments_stay(session, videos, tmp_path):
    session.settings_file.write_text(session.settings_file.read_text() + "# mine\n")
    moved = {n: tmp_path / "elsewhere" / p.name for n, p in videos.items()}
    shutil.move(tmp_path / "videos", tmp_path / "elsewhere")
    again = Session.create(session.root, moved)
    assert again.sources == {n: p.resolve() for n, p in moved.items()}
    assert "# mine" in session.settings_file.read_text()


def test_copied_videos_are_taken_up(session, videos, tmp_path):
    shutil.copytree(tmp_path / "videos", tmp_path / "copy")
    copies = {n: tmp_path / "copy" / p.name for n, p in videos.items()}
    assert Session.create(session.root, copies).sources["cam1"].parent.name == "copy"


def test_an_edited_video_is_accepted(session, videos):
    before = session.digest(videos["cam1"])
    videos["cam1"].write_bytes(b"edited")
    assert Session.create(session.root, videos).digest(videos["cam1"]) != before


def publish_something(session):
    (session.root / "frames").mkdir()
    (session.root / "frames" / "stage.json").write_text("{}")


def test_other_content_elsewhere_is_refused(session, videos, tmp_path):
    publish_something(session)
    other = tmp_path / "other" / "cam1.mp4"
    other.parent.mkdir()
    other.write_bytes(b"other")
    before = session.settings_file.read_bytes()
    with pytest.raises(
        SessionError,
        match=r"belongs to other videos: found cam1 = .*other.*; needed .*videos.*\n.*--session",
    ):
        Session.create(session.root, {**videos, "cam1": other})
    assert session.settings_file.read_bytes() == before


def test_without_results_a_slip_of_the_first_command_is_corrected(session, videos):
    session.settings_file.write_text(session.settings_file.read_text() + "\n[toy]\nx = 1\n")
    del videos["cam1"]
    assert list(Session.create(session.root, videos).sources) == ["cam0", "cam2"]
    assert "x = 1" in session.settings_file.read_text()


@pytest.mark.parametrize("place", ["detect/key/_parts/cam0/0.npz", "detect/previous/stage.json"])
def test_unfinished_work_is_not_given_to_other_videos(session, videos, place):
    chunk = session.work / place
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"chunk")
    before = session.settings_file.read_bytes()
    del videos["cam1"]
    with pytest.raises(SessionError, match=r"the unfinished work in .*\n.*gentri clean.*--session"):
        Session.create(session.root, videos)
    assert session.settings_file.read_bytes() == before


def test_other_names_are_refused(session, videos):
    publish_something(session)
    del videos["cam2"]
    with pytest.raises(SessionError, match="found cam0, cam1; needed cam0, cam1, cam2\n"):
        Session.create(session.root, videos)


def test_a_video_that_is_not_there_is_refused(tmp_path, videos):
    videos["cam1"].unlink()
    with pytest.raises(InputError, match=r"cam1: there is no .*cam1\.mp4"):
        Session.create(tmp_path / "session", videos)
    assert not (tmp_path / "session").exists()


def test_a_folder_of_images_is_not_a_place_for_a_session(tmp_path, videos):
    sources = {"a": tmp_path / "videos", "b": videos["cam0"]}
    with pytest.raises(SessionError, match="lies inside the files of a"):
        Session.create(tmp_path / "videos" / "session", sources)
    assert not (tmp_path / "videos" / "session").exists()


def test_a_file_is_not_a_place_for_a_session(tmp_path, videos):
    (tmp_path / "session").write_text("mine")
    with pytest.raises(SessionError, match=r"is a file; .*\n.*--session"):
        Session.create(tmp_path / "session", videos)
    assert (tmp_path / "session").read_text() == "mine"


def test_a_folder_with_other_files_is_not_a_place_for_a_session(tmp_path, videos):
    with pytest.raises(
        SessionError, match=r"not a gentri session: found cam0\.mp4, .*\n.*--session"
    ):
        Session.create(tmp_path / "videos", videos)
    assert sorted(p.name for p in (tmp_path / "videos").iterdir()) == [
        p.name for p in videos.values()
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have Unicode names only")
@pytest.mark.parametrize("where", ["video", "session"])
def test_a_path_that_is_not_unicode_is_refused(tmp_path, videos, where):
    odd = tmp_path / os.fsdecode(b"odd\xff")
    root = odd if where == "session" else tmp_path / "session"
    if where == "video":
        videos["cam1"] = videos["cam1"].rename(odd)
    with pytest.raises(InputError, match=r"odd\\udcff' is not Unicode\n.*rename"):
        Session.create(root, videos)
    assert not root.exists()


UNREADABLE = """
import os
from pathlib import Path
from gentri.errors import InputError
from gentri.pipeline.session import Session
if os.getuid() == 0:
    os.setuid(65534)  # root may read anything
for video in ("locked/a.mp4", "a.mp4"):
    try:
        Session.create(Path("s"), {"a": Path(video)})
    except InputError as error:
        print(error)
"""


UNWRITABLE = """
import os, sys
from pathlib import Path
from gentri.errors import SessionError
from gentri.pipeline.session import Session
if os.getuid() == 0:
    os.setuid(65534)  # root may write anywhere
try:
    Session.create(Path("locked/session"), {"a": Path("a.mp4")})
except SessionError as error:
    print(error)
"""


def as_nobody(script: str, place: Path) -> str:
    """What a script prints that runs in a folder as a user without rights."""
    process = subprocess.run(
        [sys.executable, "-c", script],
        cwd=place,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own is closed to others."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "a.mp4").write_bytes(b"a")
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_an_unwritable_folder_is_refused(open_place):
    (open_place / "locked").mkdir(mode=0o555)
    said = as_nobody(UNWRITABLE, open_place)
    assert said.startswith("cannot write into locked/session: Permission denied")
    assert "--session" in said


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_an_unreadable_video_is_refused(open_place):
    open_place.chmod(0o777)
    (open_place / "locked").mkdir(mode=0o600)
    (open_place / "a.mp4").chmod(0o600)
    folder, _, file, _ = as_nobody(UNREADABLE, open_place).splitlines()
    assert folder == "locked/a.mp4 cannot be read: Permission denied"
    assert file.endswith("a.mp4 cannot be read: Permission denied")


def test_a_folder_without_session_cannot_be_opened(tmp_path):
    with pytest.raises(SessionError, match=r"no session\.toml\n.*gentri run"):
        Session.open(tmp_path)


@pytest.mark.parametrize("text", ["", "[sources]\n", "[sources]\na = 1\n", "sources = 3\n"])
def test_a_session_file_without_videos_is_refused(tmp_path, text):
    (tmp_path / "session.toml").write_text(text)
    with pytest.raises(UsageError):
        Session.open(tmp_path)


def test_a_mistake_in_the_session_file_is_found_by_its_line(session):
    session.settings_file.write_text("[sources]\na = 'x\n")
    with pytest.raises(UsageError, match="line 2"):
        Session.open(session.root)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\\b", "../a", "a\0"])
def test_a_name_that_would_leave_the_folder_is_refused(tmp_path, videos, name):
    with pytest.raises(UsageError, match="cannot be called"):
        Session.create(tmp_path / "session", {name: videos["cam0"], "b": videos["cam1"]})


@pytest.mark.parametrize("name", ["-rf", "two words", "Kamera_ä", "視点", "a.b", "…"])
def test_unusual_names_serve(tmp_path, videos, name):
    session = Session.create(tmp_path / name, {name: videos["cam0"], "b": videos["cam1"]})
    assert list(Session.open(tmp_path / name).sources) == [name, "b"]
    assert session.digest(session.sources[name])


def test_names_that_differ_in_case_alone_are_refused(tmp_path, videos):
    with pytest.raises(UsageError, match="upper and lower case"):
        Session.create(tmp_path / "session", {"cam": videos["cam0"], "CAM": videos["cam1"]})


def test_results_outlive_their_videos(session, videos):
    digest = session.digest(videos["cam0"])
    videos["cam0"].unlink()
    assert Session.open(session.root).digest(videos["cam0"]) == digest
    with pytest.raises(InputError, match="gentri run"):
        session.digest(session.root / "never.mp4")


HOLD = (
    "import sys, time\n"
    "from pathlib import Path\n"
    "from gentri.pipeline.session import Session\n"
    "with Session.open(Path(sys.argv[1])).lock():\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


@pytest.fixture
def holder(session):
    """A process that keeps the session's lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(session.root)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_works(session, holder):
    said = rf"process {holder.pid} on .*\n.*wait for it"
    with pytest.raises(SessionError, match=said), session.lock():
        pass


def test_a_second_process_does_not_touch_the_sources(session, holder, videos):
    before = session.settings_file.read_bytes()
    del videos["cam1"]
    with pytest.raises(SessionError, match=rf"process {holder.pid} on"):
        Session.create(session.root, videos)
    assert session.settings_file.read_bytes() == before


def test_a_session_whose_sources_have_been_replaced_is_not_worked_in(session, videos):
    Session.create(session.root, {n: videos[n] for n in ("cam0", "cam1")})
    with pytest.raises(SessionError, match="another gentri has just given"), session.lock():
        pass


def test_the_lock_of_a_killed_process_does_not_block(session, holder):
    holder.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    holder.wait()
    with session.lock():
        pass


def test_the_lock_may_be_nested_and_is_then_still_held(session):
    with session.lock():
        with session.lock():
            pass
        with pytest.raises(SessionError), Session.open(session.root).lock():
            pass
    with Session.open(session.root).lock():
        pass
