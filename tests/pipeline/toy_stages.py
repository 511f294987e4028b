"""A pipeline of gentri's shape without people or cameras: each stage hashes what it reads.

As a script it runs that pipeline in a process of its own, to be killed:
    python toy_stages.py SESSION SCALE DELAY_S VIDEO...
"""

import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.runner import Silent, run
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Context, Metrics, Runtime, Stage

TICKS = 48
WORK_LOG = "TOY_WORK_LOG"  # environment: a file that gets a line for every finished piece of work
DELAY = "TOY_DELAY_S"  # environment: how long a chunk takes


@dataclass(frozen=True)
class FramesParams:
    fps: float


@dataclass(frozen=True)
class DetectParams:
    model: str
    scale: float


@dataclass(frozen=True)
class CalibrateParams:
    ransac_px: float


@dataclass(frozen=True)
class TriangulateParams:
    hypotheses: int
    span: tuple[int, int]


def _log(line: str) -> None:
    if WORK_LOG in os.environ:
        with open(os.environ[WORK_LOG], "a") as file:
            file.write(line + "\n")


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text)


def _hash(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()


def run_frames(context: Context) -> Metrics:
    """Chunks are folders: made under another name, moved into place, emptied into the result."""
    for camera, video in context.session.sources.items():
        chunk = context.parts / camera
        if not chunk.exists():
            with TemporaryDirectory(prefix=".", suffix=".tmp", dir=context.parts) as unfinished:
                seed = hashlib.sha256(video.read_bytes()).hexdigest()
                lines = [_hash(seed, context.params.fps, tick) for tick in range(TICKS)]
                _write(Path(unfinished) / "chunk" / "frames.txt", "\n".join(lines))
                time.sleep(float(os.environ.get(DELAY, "0")))
                os.replace(Path(unfinished) / "chunk", chunk)
                _log(f"frames {camera}")
        if (chunk / "frames.txt").exists():
            (context.out / camera).mkdir(exist_ok=True)
            os.replace(chunk / "frames.txt", context.out / camera / "frames.txt")
    return {"ticks": TICKS}


def run_detect(context: Context) -> Metrics:
    cameras, params = list(context.session.sources), context.params
    for camera in cameras:
        frames = (context.inputs["frames"] / camera / "frames.txt").read_text().splitlines()
        for start in range(0, TICKS, 8):
            part = context.parts / camera / f"{start:06d}.txt"
            if part.exists():
                continue
            time.sleep(float(os.environ.get(DELAY, "0")))
            seen = [_hash(f, params.model, params.scale) for f in frames[start : start + 8]]
            _write(part, "\n".join(seen))
            _log(f"detect {camera} {start}")
            context.progress.advance(start + 8, TICKS, "frames")
    for camera in cameras:
        parts = sorted((context.parts / camera).iterdir())
        _write(context.out / f"{camera}.txt", "\n".join(p.read_text() for p in parts))
    return {"model": params.model}


def run_calibrate(context: Context) -> Metrics:
    seen = [(context.inputs["detect"] / f"{c}.txt").read_text() for c in context.session.sources]
    _write(context.out / "rig.json", json.dumps([_hash(s, context.params.ransac_px) for s in seen]))
    _log("calibrate")
    return {"median_px": 0.4, "spread": float("nan")}


def run_triangulate(context: Context) -> Metrics:
    rig = (context.inputs["calibrate"] / "rig.json").read_text()
    seen = [(context.inputs["detect"] / f"{c}.txt").read_text() for c in context.session.sources]
    _write(context.out / "poses3d.txt", _hash(rig, seen, context.params.hypotheses))
    _log("triangulate")
    return {}


def _videos(session: Session, _params: FramesParams) -> dict[str, str]:
    return {name: session.digest(path) for name, path in session.sources.items()}


STAGES = (
    Stage("frames", 1, (), FramesParams, run_frames, _videos),
    Stage("detect", 1, ("frames",), DetectParams, run_detect),
    Stage("calibrate", 1, ("detect",), CalibrateParams, run_calibrate),
    Stage("triangulate", 1, ("detect", "calibrate"), TriangulateParams, run_triangulate),
)


def settings(
    fps: float = 30.0, scale: float = 1.0, ransac_px: float = 3.0, hypotheses: int = 200
) -> dict[str, object]:
    return {
        "frames": FramesParams(fps),
        "detect": DetectParams("movenet", scale),
        "calibrate": CalibrateParams(ransac_px),
        "triangulate": TriangulateParams(hypotheses, (0, 9)),
    }


def main() -> int:
    root, scale, delay_s, *videos = sys.argv[1:]
    os.environ[DELAY] = delay_s
    session = Session.create(Path(root), {Path(v).stem: Path(v) for v in videos})
    print("started", flush=True)
    try:
        run(STAGES, session, settings(scale=float(scale)), Runtime(), Silent())
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
