"""Stock OpenMMLab wheels on a current Python, without a compiler.

MMCV is used in its pure Python form (mmcv-lite). What its compiled half would offer, and what other
old dependencies no longer offer, is stood in for here, once, before the first `import mmpose`.
"""

import importlib
import importlib.util
import sys
import warnings
from functools import cache
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


@cache
def prepare() -> None:
    """Make `import mmcv, mmdet, mmpose` work; call it before any of them. Does its work once."""
    _silence_imports()
    _stand_in_for_xtcocotools()
    _stand_in_for_torchvision()
    _stand_in_for_mmcv_ops()


def _importable(name: str) -> bool:
    """Whether a module imports; a half-imported one is taken out of `sys.modules` again."""
    try:
        importlib.import_module(name)
    except Exception:  # ImportError, a numpy ABI ValueError, or torchvision's RuntimeError
        root = name.partition(".")[0]
        for key in [k for k in sys.modules if k == root or k.startswith(root + ".")]:
            del sys.modules[key]
        return False
    return True


def _install(name: str, **attributes: Any) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    vars(module).update(attributes)
    sys.modules[name] = module
    return module


def _stand_in_for_xtcocotools() -> None:
    """Its wheels are bound to numpy 1; pycocotools has the same three modules."""
    if _importable("xtcocotools.mask"):
        return
    for part in ("", ".coco", ".cocoeval", ".mask"):
        sys.modules["xtcocotools" + part] = importlib.import_module("pycocotools" + part)


def _stand_in_for_torchvision() -> None:
    """MMPose imports one drawing helper from it, which nothing here calls.

    A torchvision built for another torch (CPU torch beside the default wheel) fails at import.
    """
    if _importable("torchvision"):
        return

    class ToPILImage:
        def __call__(self, _image: Any) -> Any:
            raise RuntimeError("drawing heat maps needs a torchvision that fits this torch")

    transforms = _install("torchvision.transforms", ToPILImage=ToPILImage)
    _install("torchvision", transforms=transforms, __version__="0.0.0", __path__=[])


def _stand_in_for_mmcv_ops() -> None:
    """RTMDet needs one compiled operation of MMCV, non-maximum suppression; others are refused."""
    if importlib.util.find_spec("mmcv._ext") is not None:
        return

    def missing(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_args: Any, **_kwargs: Any) -> Any:
            raise NotImplementedError(f"mmcv operation {name!r} needs the compiled mmcv package")

        return refuse

    operations = {"nms": non_maximum_suppression, "__getattr__": missing}
    _install("mmcv._ext", **operations)


def _silence_imports() -> None:
    """Advice of these libraries to their own developers, of no use to who runs gentri."""
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    warnings.filterwarnings("ignore", category=SyntaxWarning, module="mm")


def non_maximum_suppression(
    boxes: Any, scores: Any, iou_threshold: float = 0.5, offset: int = 0
) -> Any:
    """Greedy suppression of boxes (N, 4) x0 y0 x1 y1, as `mmcv._ext.nms`.

    Args:
        boxes: torch float tensor (N, 4).
        scores: torch float tensor (N,).
        iou_threshold: a box overlapping a better one by more is dropped.
        offset: 1 when x1, y1 are inclusive pixels.

    Returns:
        int64 tensor of kept rows, best first.
    """
    import torch

    x0, y0, x1, y1 = boxes.unbind(1)
    area = (x1 - x0 + offset) * (y1 - y0 + offset)
    order = scores.argsort(descending=True, stable=True)
    keep = []
    while order.numel():
        best, rest = order[0], order[1:]
        keep.append(best)
        width = torch.minimum(x1[rest], x1[best]) - torch.maximum(x0[rest], x0[best]) + offset
        height = torch.minimum(y1[rest], y1[best]) - torch.maximum(y0[rest], y0[best]) + offset
        overlap = width.clamp(min=0) * height.clamp(min=0)
        iou = overlap / (area[rest] + area[best] - overlap)
        order = rest[iou <= iou_threshold]
    return torch.stack(keep) if keep else boxes.new_zeros(0, dtype=torch.long)
