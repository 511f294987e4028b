import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gentri.errors import UsageError, WeightsError
from gentri.weights import store

CONTENT = bytes(range(256)) * 4096  # 1 MiB
WEIGHTS = store.WeightFile(
    name="toy",
    file="toy.pth",
    skeleton="coco17",
    licence="Apache-2.0",
    source="this test",
    embedded=False,
    url="",
    bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest()[:8],
)


class Server:
    """Serves CONTENT, keeps the Range headers that were asked for, may cut connections."""

    def __init__(self) -> None:
        self.ranges: list[str | None] = []
        self.cuts: list[int] = []  # bytes after which the next answers break off
        self.content = CONTENT
        self.understands_ranges = True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                outer.ranges.append(wanted)
                start = int(wanted[6:-1]) if wanted and outer.understands_ranges else 0
                if start >= len(outer.content):
                    self.send_error(416)
                    return
                body = outer.content[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: outer.cuts.pop(0)] if outer.cuts else body)
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()
    thread = threading.Thread(target=serving.http.serve_forever, daemon=True)
    thread.start()
    yield serving
    serving.http.shutdown()
    serving.http.server_close()


@pytest.fixture
def folder(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    entry = replace(WEIGHTS, url=f"{server.url}/source/toy.pth")
    monkeypatch.setenv("GENTRI_WEIGHTS_DIR", str(tmp_path / "weights"))
    monkeypatch.delenv("GENTRI_WEIGHTS_MIRROR", raising=False)
    monkeypatch.setattr(store, "list_weights", lambda: (entry,))
    return tmp_path / "weights"


def test_fetch_then_locate(server: Server, folder: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = store.fetch("toy", lambda done, total: seen.append((done, total)))
    assert path == folder / "toy.pth" == store.locate("toy")
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert not list(folder.glob("*.part"))
    assert len(server.ranges) == 1


def test_a_file_in_place_is_not_fetched_again(server: Server, folder: Path) -> None:
    store.fetch("toy")
    store.fetch("toy")
    assert len(server.ranges) == 1


def test_a_broken_connection_is_taken_up_again(server: Server, folder: Path) -> None:
    server.cuts = [300_000, 200_000]
    assert store.fetch("toy").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-", "bytes=500000-"]


def test_a_later_fetch_continues_what_was_left(server: Server, folder: Path) -> None:
    server.cuts = [100_000] * 4
    with pytest.raises(WeightsError, match="400000 of"):
        store.fetch("toy")
    assert (folder / "toy.pth.part").stat().st_size == 400_000
    assert not (folder / "toy.pth").exists()
    assert store.fetch("toy").read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=400000-"


def test_a_server_without_ranges_sends_all_again(server: Server, folder: Path) -> None:
    server.understands_ranges = False
    folder.mkdir()
    (folder / "toy.pth.part").write_bytes(CONTENT[:1000])
    assert store.fetch("toy").read_bytes() == CONTENT


def test_a_complete_part_is_only_checked(server: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / "toy.pth.part").write_bytes(CONTENT)
    assert store.fetch("toy").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"x" + CONTENT[1:], CONTENT + b"more"])
def test_another_file_is_refused_and_not_kept(server: Server, folder: Path, content: bytes) -> None:
    server.content = content
    with pytest.raises(WeightsError, match="is not 'toy'"):
        store.fetch("toy")
    assert not list(folder.glob("toy.pth*[!k]"))  # only the lock file may stay
    server.content = CONTENT
    assert store.fetch("toy").read_bytes() == CONTENT


def test_mirror(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(WEIGHTS, url="http://127.0.0.1:9/unreachable")
    monkeypatch.setattr(store, "list_weights", lambda: (entry,))
    monkeypatch.setenv("GENTRI_WEIGHTS_MIRROR", f"{server.url}/mirror/")
    assert store.fetch("toy").read_bytes() == CONTENT


def test_placed_by_hand(folder: Path) -> None:
    folder.mkdir()
    (folder / "toy.pth").write_bytes(CONTENT)
    assert store.locate("toy") == store.verify("toy") == folder / "toy.pth"


def test_a_wrong_file_placed_by_hand_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "toy.pth").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="1048575 bytes, 1048576 are expected"):
        store.locate("toy")
    (folder / "toy.pth").write_bytes(b"x" + CONTENT[1:])
    with pytest.raises(WeightsError, match="its sha256 is"):
        store.locate("toy")


def test_offline_message_names_file_source_and_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(WEIGHTS, url="http://127.0.0.1:9/toy.pth")  # the discard port: refused
    monkeypatch.setattr(store, "list_weights", lambda: (entry,))
    for attempt in (store.locate, store.fetch):
        with pytest.raises(WeightsError) as caught:
            attempt("toy")
        for needed in ("toy", "http://127.0.0.1:9/toy.pth", str(folder / "toy.pth")):
            assert needed in str(caught.value)


def test_a_failed_fetch_does_not_advise_to_fetch(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says of every file that is absent what to do, not of the first alone."""
    there = replace(WEIGHTS, name="there", file="there.pth")
    entries = tuple(
        replace(WEIGHTS, name=name, file=f"{name}.pth", url=f"http://127.0.0.1:9/{name}.pth")
        for name in ("finder", "pose")
    )
    monkeypatch.setattr(store, "list_weights", lambda: (there, *entries))
    folder.mkdir()
    (folder / "there.pth").write_bytes(CONTENT)
    with pytest.raises(WeightsError) as caught:
        store.fetch_all(["there", "finder", "pose"])
    assert "finder.pth could not be fetched" in caught.value.message
    assert "gentri weights fetch" not in caught.value.hint
    for name in ("finder", "pose"):
        assert f"http://127.0.0.1:9/{name}.pth on another machine" in caught.value.hint
        assert str(folder / f"{name}.pth") in caught.value.hint
    assert "there.pth" not in caught.value.hint


def test_several_files(server: Server, folder: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    (path,) = store.fetch_all(["toy"], lambda *told: seen.append(told))
    assert path == folder / "toy.pth"
    assert seen[-1] == ("toy", len(CONTENT), len(CONTENT))


def test_the_whole_digest_is_noted_at_the_first_fetch(server: Server, folder: Path) -> None:
    """The publisher tells eight digits; another file with the same ones does not pass later."""
    store.fetch("toy")
    digest = hashlib.sha256(CONTENT).hexdigest()
    note = folder / "toy.pth.sha256"
    assert note.read_text() == f"{digest}  toy.pth\n"
    store.verify("toy")
    note.write_text(f"{digest[:8]}{'0' * 56}  toy.pth\n")
    with pytest.raises(WeightsError, match=f"its sha256 is {digest}; when it was first fetched"):
        store.verify("toy")
    (folder / "toy.pth").unlink()
    with pytest.raises(WeightsError, match="is not 'toy'"):
        store.fetch("toy")
    note.unlink()
    store.fetch("toy")
    assert note.read_text().startswith(digest)


def test_unwritable_folder(server: Server, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match="cannot be written"):
        store.fetch("toy")


def test_unknown_name() -> None:
    with pytest.raises(UsageError, match="known: movenet-multipose"):
        store.find("movenet")


def test_registry_is_whole() -> None:
    files = store.list_weights()
    assert len({f.name for f in files}) == len({f.file for f in files}) == len(files)
    for entry in files:
        assert entry.licence and entry.source
        if entry.embedded:
            assert len(entry.sha256) == 64
            assert store.locate(entry.name).parent == Path(store.__file__).parent
        else:
            assert entry.url.startswith("https://") and entry.url.endswith("/" + entry.file)
            # The publisher writes the first digits of the digest into the name.
            assert f"-{entry.sha256}" in entry.file
