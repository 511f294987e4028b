"""Published networks with random weights, saved as OpenMMLab saves its checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Path of a `.pth` with random weights for a name of the weight registry, made once."""
    folder = tmp_path_factory.mktemp("checkpoints")

    def make(name: str) -> Path:
        path = folder / f"{name}.pth"
        if not path.exists():
            save_like_openmmlab(build(name), path)
        return path

    return make


def build(name: str) -> Any:
    from gentri.detectors import networks, rtm
    from gentri.detectors.detector import model

    if name.startswith("rtmdet-"):
        registry = networks.MMDET_MODELS
        config = rtm.rtmdet_person(name.removeprefix("rtmdet-"))
    else:
        registry = networks.MMPOSE_MODELS
        config = rtm.rtmpose(name.split("-")[1], len(model(name).skeleton))
    import torch

    torch.manual_seed(0)
    with networks.DefaultScope.overwrite_default_scope(registry.scope):
        return registry.build(config)


def save_like_openmmlab(network: Any, path: Path) -> None:
    """Tensors beside what MMEngine's runner adds: text, numpy arrays and a training log."""
    import numpy as np
    import torch
    from mmengine.logging import HistoryBuffer

    log = HistoryBuffer([0.5, 0.25], [1, 1])
    meta = {"mmengine_version": "0.6.0", "dataset_meta": {"sigmas": np.ones(17)}, "loss": log}
    meta["best"] = np.float64(0.75)
    torch.save({"meta": meta, "state_dict": network.state_dict(), "message_hub": {"l": log}}, path)
