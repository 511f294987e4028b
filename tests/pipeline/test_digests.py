import os
import time
from pathlib import Path

import pytest

from gentri.pipeline import digests
from gentri.pipeline.digests import DigestMemo, path_digest


@pytest.fixture
def memo(tmp_path: Path) -> DigestMemo:
    return DigestMemo(tmp_path / "hidden" / "digests.json", tmp_path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths whose content was read."""
    read: list[Path] = []

    def reading(path: Path, select: digests.Select | None) -> str:
        read.append(path)
        return path_digest(path, select)

    monkeypatch.setattr(digests, "path_digest", reading)
    return read


@pytest.fixture
def fine_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust stamps as soon as this machine's own clock has ticked."""
    monkeypatch.setattr(digests, "CLOCK_TICK_NS", 20_000_000)


@pytest.mark.usefixtures("fine_clock")
def test_unchanged_content_is_read_once(memo, reads, tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"one")
    time.sleep(0.05)
    assert memo.digest(video) == memo.digest(video) == path_digest(video)
    assert reads == [video]


@pytest.mark.usefixtures("fine_clock")
def test_edit_of_the_same_size_and_time_is_seen(memo, tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"one")
    time.sleep(0.05)
    before, stat = memo.digest(video), video.stat()
    video.write_bytes(b"two")
    os.utime(video, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if os.name == "nt":  # the time of the last change of status is POSIX's
        os.utime(video)
    assert memo.digest(video) == path_digest(video) != before


@pytest.mark.usefixtures("fine_clock")
def test_edit_of_the_same_size_with_a_new_time_is_seen(memo, tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"one")
    time.sleep(0.05)
    before = memo.digest(video)
    time.sleep(0.05)
    video.write_bytes(b"two")
    assert memo.digest(video) == path_digest(video) != before


def test_content_just_written_is_not_trusted_to_its_stamp(memo, reads, tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"one")
    memo.digest(video)
    memo.digest(video)
    assert reads == [video, video]


@pytest.mark.usefixtures("fine_clock")
def test_a_replaced_older_file_is_seen(memo, tmp_path):
    video, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    video.write_bytes(b"one")
    other.write_bytes(b"two")
    time.sleep(0.05)
    stat = video.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    before = memo.digest(video)
    time.sleep(0.05)
    other.replace(video)
    assert memo.digest(video) != before


def test_folder_digest_is_of_names_and_contents(tmp_path):
    def folder(name: str, files: dict[str, bytes]) -> str:
        for file, content in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return path_digest(tmp_path / name)

    base = folder("a", {"0.jpg": b"x", "1.jpg": b"y"})
    assert folder("b", {"1.jpg": b"y", "0.jpg": b"x", ".DS_Store": b"z"}) == base
    assert folder("c", {"0.jpg": b"y", "1.jpg": b"x"}) != base
    assert folder("d", {"0.jpg": b"x", "2.jpg": b"y"}) != base
    assert folder("e", {"0.jpg": b"x", "1.jpg": b"y", "2.jpg": b""}) != base


def test_chosen_files_have_the_digest_of_a_folder_of_these_alone(tmp_path):
    (tmp_path / "some" / "in" / ".hidden").mkdir(parents=True)
    (tmp_path / "alone").mkdir()
    for name in ("a.json", "in/b.json", "note.txt", ".c.json", "in/.hidden/d.json"):
        (tmp_path / "some" / name).write_text(name)
    (tmp_path / "alone" / "in").mkdir()
    for name in ("a.json", "in/b.json"):
        (tmp_path / "alone" / name).write_text(name)
    chosen = path_digest(tmp_path / "some", lambda folder: folder.rglob("*.json"))
    assert chosen == path_digest(tmp_path / "alone")
    assert chosen != path_digest(tmp_path / "some")


@pytest.mark.usefixtures("fine_clock")
def test_edit_inside_a_folder_is_seen(memo, reads, tmp_path):
    images = tmp_path / "cam"
    images.mkdir()
    (images / "0.jpg").write_bytes(b"one")
    time.sleep(0.05)
    before = memo.digest(images)
    assert memo.digest(images) == before
    assert reads == [images]
    (images / "0.jpg").write_bytes(b"two")
    assert memo.digest(images) != before


def test_a_broken_memo_is_read_past(memo, tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"one")
    want = memo.digest(video)
    (tmp_path / "hidden" / "digests.json").write_text('{"a.mp4": {"sta')
    assert memo.digest(video) == want


def test_an_absent_file_is_refused_and_its_last_content_known(memo, tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"one")
    digest = memo.digest(video)
    video.unlink()
    with pytest.raises(FileNotFoundError):
        memo.digest(video)
    assert memo.last_known(video) == digest
    assert memo.last_known(tmp_path / "b.mp4") is None


def test_a_long_read_is_said_before(memo, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "gentri")
    monkeypatch.setattr(digests, "_LARGE_BYTES", 1000)
    for name, size in (("small.mp4", 999), ("large.mp4", 1000)):
        (tmp_path / name).write_bytes(bytes(size))
        memo.digest(tmp_path / name)
    assert caplog.messages == [f"reading {tmp_path / 'large.mp4'} to recognise it later (0.0 GB)"]
