import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gentri.cli.app import app
from gentri.cli.run import STAGE_COMMANDS
from gentri.stages import STAGES

HEAVY = ("torch", "cv2", "av", "scipy", "mmengine", "mmcv", "mmdet", "mmpose", "poselib")
PROGRAM = f"""
import sys
from gentri.cli.app import main
try:
    main()
finally:
    loaded = [name for name in {HEAVY} if name in sys.modules]
    print("loaded:", *loaded, file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["config"], ["--version"]])
def test_light_commands_load_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "loaded:"


def test_help_loads_no_stage() -> None:
    heavier = ["gentri.stages", "numpy"]
    code = f"import sys, gentri.cli.app; print([name in sys.modules for name in {heavier}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[False, False]", done.stderr


def test_a_command_per_stage() -> None:
    assert tuple(STAGE_COMMANDS) == tuple(stage.name for stage in STAGES)


@pytest.mark.parametrize("stage", STAGE_COMMANDS)
def test_a_stage_command_runs_until_there(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    words = [stage, "a.mp4", "b.mp4", "--dry-run", "--force", "--height", "1.7", "--json"]
    planned = json.loads(CliRunner().invoke(app, words).stdout)["stages"]
    names = list(STAGE_COMMANDS)
    assert [p["stage"] for p in planned] == names[: names.index(stage) + 1]
    assert [p["stage"] for p in planned if "forced" in p["reasons"]] == [stage]
