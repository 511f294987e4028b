"""What the frames stage publishes about lenses."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tomlkit

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))

from movies import add_items
from numbered import record

import gentri.configs
from gentri.pipeline.stage import Context, Runtime
from gentri.rigs.formats import read_intrinsics
from gentri.stages.frames import STAGE, FramesParams

FOCAL = "com.apple.quicktime.camera.focal_length.35mm_equivalent"


def run(out: Path, sources: dict[str, Path]) -> dict:
    out.mkdir()
    text = (Path(gentri.configs.__file__).parent / "default.toml").read_text(encoding="utf-8")
    params = FramesParams(**tomlkit.parse(text).unwrap()["frames"])
    silent = SimpleNamespace(advance=lambda *_: None, say=lambda _: None)
    session = SimpleNamespace(sources=sources)
    return STAGE.run(Context(params, out, {}, session, Runtime(), silent))  # pyright: ignore


def test_lenses_that_the_metadata_tell_are_published(tmp_path: Path) -> None:
    phone, other = record(tmp_path / "a.mov", 10), record(tmp_path / "b.mp4", 10)
    add_items(phone, {FOCAL: 26}, where="trak")
    metrics = run(tmp_path / "out", {"phone": phone, "other": other})
    lenses = read_intrinsics(tmp_path / "out" / "lenses.toml")
    assert list(lenses) == ["phone"]
    lens = lenses["phone"]
    assert (lens.width, lens.height, lens.source, lens.focal_sigma) == (80, 48, "metadata", 0.1)
    assert lens.K[0, 0] == pytest.approx(26 / 43.27 * (80**2 + 48**2) ** 0.5)
    assert metrics["cameras"]["phone"]["lens"] == {FOCAL: "26"}


def test_no_file_where_no_metadata_tell(tmp_path: Path) -> None:
    run(tmp_path / "out", {"other": record(tmp_path / "b.mp4", 10)})
    assert not (tmp_path / "out" / "lenses.toml").exists()
