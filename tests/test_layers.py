"""Who may import whom, and what a light command must not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gentri

PACKAGE = Path(gentri.__file__).parent
FOUNDATION = {"data", "skeletons", "errors"}
DOMAIN = {
    "geometry",
    "ransac",
    "people",
    "detectors",
    "media",
    "keypoints",
    "export",
    "rigs",
    "weights",
}

# Part of gentri → the other parts that it may import.
ALLOWED = {
    "errors": set(),
    "skeletons": {"errors"},
    "data": {"skeletons", "errors"},
    "pipeline": {"errors"},
    "configs": {"errors", "pipeline"},
    "ticks": FOUNDATION,
    "geometry": FOUNDATION,
    "people": FOUNDATION | {"geometry", "ticks"},
    "ransac": FOUNDATION | {"geometry", "weights", "synthetic"},  # trained on synthetic scenes
    "weights": FOUNDATION,
    "media": FOUNDATION | {"geometry"},
    "keypoints": FOUNDATION | {"media"},
    "detectors": FOUNDATION | {"weights"},
    "export": FOUNDATION | {"geometry", "media", "ticks"},
    "rigs": FOUNDATION,
    "synthetic": FOUNDATION | {"geometry"},
    "motion": FOUNDATION | {"synthetic"},
    "evaluation": FOUNDATION | {"geometry", "keypoints", "ransac", "rigs", "synthetic"},
    "stages": FOUNDATION | DOMAIN | {"pipeline", "ticks"},
    "cli": {
        *("errors", "pipeline", "stages", "configs", "weights", "media", "keypoints"),
        *("evaluation", "motion", "ransac", "detectors"),
    },
    "api": FOUNDATION | DOMAIN | {"pipeline", "stages", "configs"},
    "__main__": {"cli"},
}
# Files that are whole or absent are everybody's business.
SHARED_MODULE = "gentri.pipeline.atomic"
HEAVY = {"torch", "torchvision", "cv2", "mmengine", "mmcv", "mmdet", "mmpose", "av", "scipy"}


def imported(file: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            modules.add(node.module or "")
            modules |= {f"{node.module}.{name.name}" for name in node.names}
    return modules


def parts() -> list[str]:
    """The modules and packages right below gentri."""
    found = {p.relative_to(PACKAGE).parts[0] for p in PACKAGE.rglob("*.py")}
    return sorted(name.removesuffix(".py") for name in found - {"__init__.py"})


@pytest.mark.parametrize("part", parts())
def test_imports_point_downward(part):
    folder = PACKAGE / part
    wrong = []
    for file in sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{part}.py"]:
        for module in imported(file):
            package, _, path = module.partition(".")
            other = path.split(".")[0]
            if package != "gentri" or other not in parts() or module.startswith(SHARED_MODULE):
                continue
            if other != part and other not in ALLOWED[part]:
                wrong.append(f"{file.relative_to(PACKAGE)} imports {module}")
    assert not wrong


def test_only_the_detectors_import_openmmlab():
    users = {
        file.relative_to(PACKAGE).parts[0]
        for file in PACKAGE.rglob("*.py")
        if any(m.split(".")[0] in {"mmengine", "mmcv", "mmdet", "mmpose"} for m in imported(file))
    }
    assert users <= {"detectors"}


LIGHT = {
    "the package": "import gentri",
    "its functions": "import gentri; gentri.calibrate, gentri.read_keypoints, gentri.triangulate",
    "the command line": "import gentri.cli",
    "the machine": "import gentri.pipeline.runner, gentri.configs.settings",
    "the list of stages": "import gentri.stages",
}


@pytest.mark.parametrize("statement", LIGHT.values(), ids=LIGHT)
def test_light_imports_load_no_heavy_library(statement):
    code = f"{statement}\nimport sys\nprint(*{{m.split('.')[0] for m in sys.modules}})"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert not set(process.stdout.split()) & HEAVY


def test_the_machine_does_without_numpy():
    code = "import gentri, gentri.pipeline.runner, sys\nsys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
