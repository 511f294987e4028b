import subprocess
import sys

import pytest

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
