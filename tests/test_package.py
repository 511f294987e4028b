"""What is around the code: bootstrap.py, the stubs, the notices."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import tomlkit

import gentri

ROOT = Path(__file__).parents[1]
CUDA_WHEEL = {"requires_dist": ["filelock", 'nvidia-cudnn-cu13==9; platform_system == "Linux"']}
CPU_WHEEL = {"requires_dist": ["filelock", "sympy"]}


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bootstrap.py for an environment that is not there yet; the commands it calls are kept."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.called = []
    venv = tmp_path / ".venv"

    def call(*command: object) -> None:
        module.called.append(" ".join(str(word) for word in command))
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / "bin" / "pip").touch()

    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "PYTHON", venv / "bin" / "python")
    monkeypatch.setattr(module, "call", call)
    monkeypatch.setattr(module, "has_torch", lambda: False)
    monkeypatch.setattr(module, "needs_cuda", lambda: False)
    monkeypatch.setattr(module.shutil, "which", lambda _name: None)
    return module


def test_set_up_happens_once(bootstrap: ModuleType) -> None:
    bootstrap.set_up("[test]")
    assert [" -m venv " in line for line in bootstrap.called] == [True, False, False, False]
    bootstrap.called.clear()
    bootstrap.set_up("[test]")
    bootstrap.set_up("")  # the tests' environment serves the demo
    assert bootstrap.called == []


def test_set_up_again_for_more_or_changed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.set_up("")
    bootstrap.called.clear()
    bootstrap.set_up("[test]")
    assert bootstrap.called[-1].endswith(f"install --editable .[test] {bootstrap.TORCH}")
    bootstrap.called.clear()
    monkeypatch.setattr(bootstrap, "digest", lambda: "changed")
    bootstrap.set_up("[test]")
    assert len(bootstrap.called) == 3  # pip, torch, gentri: the environment itself is kept


def test_every_install_holds_torch(bootstrap: ModuleType) -> None:
    bootstrap.set_up("")
    installs = [line for line in bootstrap.called if " install " in line and "pip>=" not in line]
    assert len(installs) == 2
    assert all(bootstrap.TORCH in line for line in installs)


@pytest.mark.parametrize(
    ("gpu", "cuda", "cpu_build"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_no_cuda_without_a_gpu(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, gpu: bool, cuda: bool, cpu_build: bool
) -> None:
    found = "/usr/bin/nvidia-smi" if gpu else None
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _name: found)
    monkeypatch.setattr(bootstrap, "needs_cuda", lambda: cuda)
    bootstrap.install_torch()
    assert ("--torch-backend cpu" in bootstrap.called[-1]) == cpu_build
    assert bootstrap.TORCH in bootstrap.called[-1]


@pytest.mark.parametrize(("wheel", "answer"), [(CUDA_WHEEL, True), (CPU_WHEEL, False)])
def test_pip_is_asked_what_it_would_take(
    monkeypatch: pytest.MonkeyPatch, wheel: dict[str, list[str]], answer: bool
) -> None:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = json.dumps({"install": [{"metadata": wheel}]}).encode()
    monkeypatch.setattr(module.subprocess, "run", lambda *_a, **_k: SimpleNamespace(stdout=report))
    monkeypatch.setattr(module.sys, "platform", "linux")
    assert module.needs_cuda() is answer


def test_another_python_is_found_or_asked_for(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 8, 1))
    with pytest.raises(SystemExit, match=r"needs Python 3\.10 to 3\.13; this is 3\.8"):
        bootstrap.find_python()
    monkeypatch.setattr(
        bootstrap.shutil, "which", lambda name: "/usr/bin/py" if name == "python3.11" else None
    )
    assert bootstrap.find_python() == "/usr/bin/py"


def test_a_failed_set_up_says_so(tmp_path: Path) -> None:
    """The real program, with a pyproject.toml that cannot be installed."""
    (tmp_path / "bootstrap.py").write_bytes((ROOT / "bootstrap.py").read_bytes())
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    done = subprocess.run(
        [sys.executable, "bootstrap.py", "walk"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "bootstrap.py demo" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_the_demo_has_its_videos(bootstrap: ModuleType) -> None:
    ((module, command, *words),) = bootstrap.modules_to_run("demo", ["--device", "cpu"])
    assert (module, command) == ("gentri", "run")
    assert [Path(w).name for w in words[:4]] == [f"cam0{i}.mp4" for i in (1, 2, 3, 4)]
    assert all(Path(w).is_file() for w in words[:4])
    assert words[-2:] == ["--device", "cpu"]


def test_stubs_serve_what_mmpose_imports() -> None:
    from xtcocotools.coco import COCO
    from xtcocotools.cocoeval import COCOeval

    assert COCO.__module__ == "pycocotools.coco"
    assert COCOeval.__module__ == "pycocotools.cocoeval"


def test_notice_names_what_is_shipped() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    weights = (ROOT / "gentri" / "weights").glob("*.safetensors")
    assert all(f"gentri/weights/{path.name}" in notice for path in weights)
    assert (ROOT / "examples" / "balance" / "LICENSE.pose2sim").is_file()


def test_metadata() -> None:
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8")).unwrap()
    assert project["project"]["scripts"]["gentri"] == "gentri.cli.app:main"
    assert gentri.__version__.count(".") == 2
    local = [d for d in project["project"]["dependencies"] if "{root:uri}" in d]
    stubs = {path.parent.name for path in ROOT.glob("stubs/*/pyproject.toml")}
    assert {d.partition(" ")[0] for d in local} == stubs
