import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for toy_stages, which also runs as a script

from gentri.pipeline.session import Session


@pytest.fixture
def videos(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "videos"
    folder.mkdir()
    paths = {f"cam{i}": folder / f"cam{i}.mp4" for i in range(3)}
    for path in paths.values():
        path.write_bytes(os.urandom(2000))
    return paths


@pytest.fixture
def session(tmp_path: Path, videos: dict[str, Path]) -> Session:
    return Session.create(tmp_path / "session", videos)


@pytest.fixture
def work_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the toy stages have done since the last call."""
    import toy_stages

    file = tmp_path / "work.log"
    monkeypatch.setenv(toy_stages.WORK_LOG, str(file))

    def taken() -> list[str]:
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    return taken
