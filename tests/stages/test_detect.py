import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest
import tomlkit

import gentri.configs
from gentri.data import Detections, Timeline
from gentri.detectors import crops
from gentri.detectors.detector import People
from gentri.errors import InputError, SessionError, WeightsError
from gentri.pipeline.stage import Context, Runtime
from gentri.skeletons import COCO17
from gentri.stages import detect
from gentri.stages.detect import STAGE, DetectParams
from gentri.weights.store import find

CLIP = Path(__file__).parents[2] / "examples" / "balance" / "videos"
STORED = (540, 960)  # half of the original


class Diary:
    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def advance(self, done: int, total: int, unit: str) -> None:
        assert unit in {"frames", "MB"}
        if unit == "frames":
            self.steps.append((done, total))

    def say(self, text: str) -> None:
        pass


def default_params() -> DetectParams:
    text = (Path(gentri.configs.__file__).parent / "default.toml").read_text(encoding="utf-8")
    return DetectParams(**tomlkit.parse(text).unwrap()["detect"])


def context(frames: Path, out: Path, **settings: Any) -> Context:
    out.mkdir(parents=True, exist_ok=True)
    session: Any = None
    params = replace(default_params(), **settings)
    return Context(params, out, {"frames": frames}, session, Runtime("cpu"), Diary())


def store(folder: Path, images: dict[str, list[np.ndarray]], size: tuple[int, int]) -> Path:
    """A folder as the frames stage publishes it."""
    for camera, pictures in images.items():
        (folder / camera).mkdir(parents=True)
        for i, picture in enumerate(pictures):
            cv2.imwrite(str(folder / camera / f"{i:06d}.jpg"), picture)
    times = tuple(np.arange(len(p)) / 60.0 for p in images.values())
    Timeline(tuple(images), times, np.tile(np.int32(size), (len(images), 1))).save(
        folder / "timeline.npz"
    )
    return folder


def clip_frames(camera: str, count: int) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(CLIP / f"{camera}.mp4"))
    return [cv2.resize(video.read()[1], STORED, interpolation=cv2.INTER_AREA) for _ in range(count)]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = {camera: clip_frames(camera, 10) for camera in ("cam01", "cam03")}
    return store(tmp_path_factory.mktemp("frames"), images, (1080, 1920))


@pytest.fixture(scope="module")
def detected(frames: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, Diary]:
    made = context(frames, tmp_path_factory.mktemp("unbroken"))
    metrics = STAGE.run(made)
    diary: Any = made.progress
    return made.out, metrics, diary


def published(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(out.glob("*.npz"))}


def test_people_of_the_clip(detected: tuple[Path, dict, Diary]) -> None:
    out, _, diary = detected
    assert sorted(published(out)) == ["cam01.npz", "cam03.npz"]
    seen = Detections.load(out / "cam03.npz")
    assert seen.skeleton is COCO17
    assert (seen.width, seen.height) == (1080, 1920)
    assert seen.xy_px.shape == (10, 1, 17, 2)
    assert (seen.track == 0).all()
    # In pixels of the original: the athlete stands taller than the stored frames' half would be.
    assert np.ptp(seen.xy_px[0, 0, :, 1]) > 500
    two = Detections.load(out / "cam01.npz")
    assert set(two.track[:, 0]) == {0}
    assert np.isnan(two.xy_px[two.track < 0]).all()
    assert np.isfinite(two.xy_px[two.track >= 0]).all()
    assert diary.steps[0] == (0, 20) and diary.steps[-1] == (20, 20)


def test_metrics(detected: tuple[Path, dict, Diary]) -> None:
    _, metrics, _ = detected
    assert metrics["model"] == "movenet"
    assert metrics["frames"] == 20
    assert 0 < metrics["network_share"] <= 1
    assert metrics["network_seconds"] <= metrics["seconds"]
    seen = metrics["cameras"]["cam03"]
    assert seen["frames"] == seen["frames_with_people"] == 10
    assert seen["tracks"] == seen["people_most"] == 1
    assert 0.5 < seen["mean_score"] < 1


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    frames: Path,
    detected: tuple[Path, dict, Diary],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detect, "CHUNK_FRAMES", 4)
    made = context(frames, tmp_path / "killed")
    read = crops.read_image

    def killed(path: Path) -> np.ndarray:
        if path == frames / "cam03" / "000005.jpg":
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(crops, "read_image", killed)
    with pytest.raises(KeyboardInterrupt):
        STAGE.run(made)
    finished = {p.name: p.stat().st_mtime_ns for p in made.parts.iterdir()}
    assert sorted(finished) == [
        "cam01.000000-000003.npz",
        "cam01.000004-000007.npz",
        "cam01.000008-000009.npz",
        "cam03.000000-000003.npz",
    ]

    monkeypatch.setattr(crops, "read_image", read)
    again = context(frames, tmp_path / "killed")
    metrics = STAGE.run(again)
    assert again.progress.steps[0] == (14, 20)  # pyright: ignore
    assert metrics["frames"] == 6
    for name, stamp in finished.items():
        assert (made.parts / name).stat().st_mtime_ns == stamp
    assert published(again.out) == published(detected[0])


@pytest.mark.parametrize("damage", ["absent", "truncated", "text"])
def test_an_unreadable_frame_is_named(tmp_path: Path, damage: str) -> None:
    folder = store(tmp_path / "frames", {"cam03": clip_frames("cam03", 3)}, (1080, 1920))
    bad = folder / "cam03" / "000001.jpg"
    content = {"absent": b"", "truncated": bad.read_bytes()[:-5000], "text": b"not a picture"}
    bad.unlink()
    if damage != "absent":
        bad.write_bytes(content[damage])
    with pytest.raises(InputError, match=r"cam03/000001\.jpg is absent or damaged"):
        STAGE.run(context(folder, tmp_path / "out"))


def test_a_camera_that_sees_nobody_is_named(tmp_path: Path) -> None:
    wall = [np.full((960, 540, 3), 120, np.uint8)] * 3
    both = {"cam03": clip_frames("cam03", 3), "wall": wall}
    with pytest.raises(InputError, match="no person was found in any frame of: wall"):
        STAGE.run(context(store(tmp_path / "one", both, (1080, 1920)), tmp_path / "out1"))
    alone = store(tmp_path / "none", {"wall": wall}, (540, 960))
    with pytest.raises(InputError, match="no person was found in any camera"):
        STAGE.run(context(alone, tmp_path / "out2"))


@dataclass
class Walker:
    """Stands in for the networks where only what the stage makes of them is asked."""

    seen: list[list[tuple[float, float]]]  # per frame: x of a person and its mean score
    skeleton: Any = COCO17
    network_seconds: float = 0.0

    def detect(self, frames: list[Path], read: Any) -> Iterator[People]:
        shape = np.random.default_rng(0).uniform((-40, -200), (40, 200), (17, 2))
        for path in frames:
            everyone = self.seen[int(path.stem)]
            xy = np.array([shape + np.array([x, 300]) for x, _ in everyone]).reshape(-1, 17, 2)
            score = np.array([[s] * 17 for _, s in everyone]).reshape(-1, 17)
            box = np.array([(x - 50, 90, x + 50, 510) for x, _ in everyone]).reshape(-1, 4)
            arrays = (a.astype(np.float32) for a in (xy, score, box, score[:, 0]))
            yield People(*arrays)


def test_chunks_of_another_length_are_not_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = [np.zeros((64, 64, 3), np.uint8)] * 10
    folder = store(tmp_path / "frames", {"a": blank}, (64, 64))
    seen = [[(100.0 + 3 * t, 0.8)] for t in range(10)]
    monkeypatch.setattr(detect, "load_detector", lambda *_a, **_k: Walker(seen))
    made = {}
    for length in (2, 5, 4):
        monkeypatch.setattr(detect, "CHUNK_FRAMES", length)
        STAGE.run(context(folder, tmp_path / "out"))
        made[length] = published(tmp_path / "out")
    assert made[2] == made[5] == made[4]
    part = tmp_path / "out" / "_parts" / "a.000004-000007.npz"
    part.write_bytes((part.parent / "a.000000-000004.npz").read_bytes())
    with pytest.raises(SessionError, match="holds 5 frames; 4 are needed"):
        STAGE.run(context(folder, tmp_path / "out"))


def test_weak_and_double_poses_are_dropped_and_gaps_bridged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = [np.zeros((64, 64, 3), np.uint8)] * 8
    folder = store(tmp_path / "frames", {"a": blank}, (64, 64))
    seen = [[(100.0 + 3 * t, 0.8), (101.0 + 3 * t, 0.6), (400.0, 0.1)] for t in range(8)]
    seen[3] = seen[4] = []
    monkeypatch.setattr(detect, "CHUNK_FRAMES", 4)
    monkeypatch.setattr(detect, "load_detector", lambda *_a, **_k: Walker(seen))
    STAGE.run(context(folder, tmp_path / "out"))
    found = Detections.load(tmp_path / "out" / "a.npz")
    assert found.track[:, 0].tolist() == [0, 0, 0, -1, -1, 0, 0, 0]
    assert found.xy_px.shape[1] == 1
    assert np.nanmax(found.score) == np.nanmin(found.score) == np.float32(0.8)

    STAGE.run(context(folder, tmp_path / "strict", track_gap_s=0.02))
    assert Detections.load(tmp_path / "strict" / "a.npz").track[:, 0].tolist() == [
        *(0, 0, 0),
        *(-1, -1),
        *(1, 1, 1),
    ]


def test_weights_are_part_of_the_recipe() -> None:
    session: Any = None
    recipe = STAGE.external(session, default_params())
    assert {name: len(digest) for name, digest in recipe.items()} == {
        "movenet-multipose": 64,
        "movenet-thunder": 64,
    }
    other = STAGE.external(session, replace(default_params(), model="rtmpose-m-body26"))
    assert other == {"rtmdet-m": "235e8209", "rtmpose-m-body26": "4d3e73dd"}


def test_weights_that_are_not_there_are_fetched_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that serves something else: asked for the right file, and not believed."""
    asked: list[str] = []

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"junk")

        def log_message(self, *_: Any) -> None:
            pass

    folder = store(tmp_path / "frames", {"a": [np.zeros((64, 64, 3), np.uint8)]}, (64, 64))
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("GENTRI_WEIGHTS_MIRROR", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("GENTRI_WEIGHTS_DIR", str(tmp_path / "weights"))
        with pytest.raises(WeightsError, match="rtmdet"):
            STAGE.run(context(folder, tmp_path / "out", model="rtmpose-t"))
        server.shutdown()
    assert [path.rsplit("/", 1)[-1] for path in asked] == [find("rtmdet-nano").file]
    assert not list((tmp_path / "weights").glob("*.pth"))


@pytest.mark.parametrize(
    "wrong", [{"box_score_min": 1.5}, {"people_max": 0}, {"track_gap_s": -1.0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(wrong))}: found .*, needed "):
        replace(default_params(), **wrong)


def test_the_stage_module_is_light() -> None:
    """`gentri --help` imports every stage: no torch, OpenCV or MMPose may come with it."""
    heavy = {"torch", "cv2", "mmpose", "mmdet", "mmcv", "mmengine", "scipy"}
    for module in ("gentri.stages.detect", "gentri.detectors.detector"):
        tree = ast.parse(Path(str(sys.modules[module].__file__)).read_text(encoding="utf-8"))
        top = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        names = {a.name for n in top if isinstance(n, ast.Import) for a in n.names}
        names |= {str(n.module) for n in top if isinstance(n, ast.ImportFrom)}
        assert not heavy & {n.partition(".")[0] for n in names}
