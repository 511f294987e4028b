"""Set gentri up in a virtual environment of its own, then run the demo, the tests or the checks.

    python3 bootstrap.py demo [OPTIONS]  gentri run on the clip in examples/balance
    python3 bootstrap.py test [OPTIONS]  the tests, with pytest
    python3 bootstrap.py lint            formatting, lint and types

Needs Python 3.10 to 3.13 and nothing else. The environment is .venv beside this file; a second run
finds it as the first left it and starts at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
SUPPORTED = ("3.13", "3.12", "3.11", "3.10")

# One version, held in every install below: torchvision's newest wheel pins the newest torch, so a
# free choice would replace an installed CPU build by a CUDA build of several gigabytes.
TORCH = "torch==2.13.0"

EXTRAS = {"demo": "", "test": "[test]", "lint": "[test]"}


def main() -> int:
    """Set up if needed, run, and hand the exit code on."""
    if len(sys.argv) < 2 or sys.argv[1] not in EXTRAS:
        print(__doc__)
        return 2
    command, options = sys.argv[1], sys.argv[2:]
    try:
        set_up(EXTRAS[command])
    except subprocess.CalledProcessError as error:
        print("\nSet-up failed in:", *error.cmd)
        print("Mend what is said above and run this again; what is installed stays.")
        return 1
    # Ctrl-C is for the program that runs; this one waits for it.
    signal.signal(signal.SIGINT, lambda *_: None)
    # Threads that wait by spinning slow every other process on the same cores down.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    for line in modules_to_run(command, options):
        code = subprocess.run([str(PYTHON), "-m", *line], cwd=ROOT, env=environment).returncode
        if code:
            return code
    return 0


def modules_to_run(command: str, options: list[str]) -> list[list[str]]:
    """What follows `python -m`, line by line."""
    if command == "test":
        return [["pytest", *options]]
    if command == "lint":
        types = ["pyright", "--pythonpath", str(PYTHON)]
        return [["ruff", "format", "--check", "."], ["ruff", "check", "."], types]
    clip = ROOT / "examples" / "balance"
    videos = sorted(str(path) for path in (clip / "videos").glob("*.mp4"))
    return [["gentri", "run", *videos, "--session", str(clip / "gentri-session"), *options]]


def set_up(extra: str) -> None:
    """Bring .venv to what pyproject.toml asks for; nothing to do when it is there already."""
    stamp = VENV / "gentri-installed"
    wanted = digest() + extra
    if stamp.is_file() and stamp.read_text().startswith(wanted):
        return
    if not any((PYTHON.parent / name).exists() for name in ("pip", "pip.exe")):
        call(find_python(), "-m", "venv", VENV)
    # Older pips download a whole wheel to answer a --dry-run.
    pip("install", "--quiet", "--upgrade", "pip>=24.2")
    if not has_torch():
        install_torch()
    pip("install", "--editable", f".{extra}", TORCH)
    stamp.write_text(wanted)


def digest() -> str:
    """What the environment depends on."""
    stubs = (path for path in sorted((ROOT / "stubs").rglob("*")) if path.is_file())
    files = [ROOT / "pyproject.toml", Path(__file__), *stubs]
    content = b"".join(path.read_bytes() for path in files) + os.fsencode(ROOT)
    return hashlib.sha256(content).hexdigest()


def find_python() -> str:
    """An interpreter of a supported version: this one, else one on the path."""
    mine = "{}.{}".format(*sys.version_info)
    if mine in SUPPORTED:
        return sys.executable
    for version in SUPPORTED:
        path = shutil.which(f"python{version}")
        if path:
            return path
    sys.exit(
        f"gentri needs Python {SUPPORTED[-1]} to {SUPPORTED[0]}; this is {mine}, and none of them "
        "is on the path.\nInstall one and run this file with it: python3.12 bootstrap.py demo"
    )


def install_torch() -> None:
    """The torch that pip would take, unless it drags CUDA onto a machine without an NVIDIA GPU."""
    if shutil.which("nvidia-smi") or not needs_cuda():
        pip("install", TORCH)
        return
    print(f"No NVIDIA GPU here: installing the CPU build of {TORCH}.")
    print(f"Where its index is out of reach, put one into {VENV} by hand: it will be kept.")
    pip("install", "--quiet", "uv")
    uv = (PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON)
    call(*uv, "--torch-backend", "cpu", TORCH, "torchvision")


def needs_cuda() -> bool:
    """Whether the wheel that pip would choose requires NVIDIA's packages on this platform."""
    if sys.platform != "linux":
        return False
    ask = ["install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--report", "-"]
    answer = subprocess.run([PYTHON, "-m", "pip", *ask, TORCH], stdout=subprocess.PIPE, check=True)
    chosen = json.loads(answer.stdout)["install"][0]["metadata"]
    return any(need.startswith(("nvidia-", "cuda-")) for need in chosen.get("requires_dist", ()))


def has_torch() -> bool:
    """Whether the environment holds the wanted torch, whatever its build."""
    version = TORCH.partition("==")[2]
    ask = f"import importlib.metadata as m; assert m.version('torch').split('+')[0] == '{version}'"
    return subprocess.run([PYTHON, "-c", ask], stderr=subprocess.DEVNULL).returncode == 0


def pip(*arguments: str) -> None:
    """Run the environment's pip; CalledProcessError when it fails."""
    call(PYTHON, "-m", "pip", *arguments)


def call(*command: str | Path) -> None:
    """Run a command in the repository; CalledProcessError when it fails."""
    sys.stdout.flush()
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
