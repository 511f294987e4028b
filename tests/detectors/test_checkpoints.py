import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gentri.detectors.checkpoints import load_strictly, read_state_dict
from gentri.errors import WeightsError
from gentri.weights import store


class Malicious:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.victim),)


def test_openmmlab_checkpoint_with_numpy_and_log(random_checkpoint: Callable[[str], Path]) -> None:
    tensors = read_state_dict(random_checkpoint("rtmpose-t"))
    assert tensors["head.mlp.1.weight"].dtype == torch.float32
    assert all(isinstance(t, torch.Tensor) for t in tensors.values())


def test_numpy_1_names_of_arrays_are_known(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    torch.save({"meta": np.ones(3), "state_dict": {"a": torch.ones(2)}}, path)
    with zipfile.ZipFile(path) as archive:
        content = {i.filename: archive.read(i) for i in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data.replace(b"numpy._core.multi", b"numpy.core.multi"))
    assert list(read_state_dict(path)) == ["a"]


@pytest.mark.parametrize("place", ["meta", "state_dict"])
def test_malicious_checkpoint_is_refused_and_not_run(tmp_path: Path, place: str) -> None:
    victim = tmp_path / "made by the checkpoint"
    content = {"meta": {}, "state_dict": {"a": torch.ones(2)}}
    content[place]["payload"] = Malicious(victim)
    torch.save(content, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match=r"evil\.pth cannot serve"):
        read_state_dict(tmp_path / "evil.pth")
    assert not victim.exists()
    torch.load(tmp_path / "evil.pth", weights_only=False)
    assert victim.exists()  # the file was loaded: it would have run


def test_plain_malicious_pickle_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "made by the pickle"
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Malicious(victim)))
    with pytest.raises(WeightsError):
        read_state_dict(tmp_path / "evil.pth")
    assert not victim.exists()


def test_attributes_named_in_a_checkpoint_are_not_looked_up(tmp_path: Path) -> None:
    class Getter:
        def __reduce__(self) -> tuple:
            return getattr, (np.ndarray, "tofile")  # as the training log names its own methods

    torch.save({"state_dict": {"method": Getter()}}, tmp_path / "getter.pth")
    assert torch.load(tmp_path / "getter.pth", weights_only=False) == {
        "state_dict": {"method": np.ndarray.tofile}
    }
    assert read_state_dict(tmp_path / "getter.pth") == {"method": None}


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_file_is_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="broken"):
        read_state_dict(path)


def test_every_tensor_must_fit(tmp_path: Path) -> None:
    path = tmp_path / "linear.pth"
    good = {"weight": torch.ones(2, 3), "bias": torch.ones(2)}
    torch.save({"state_dict": good, "meta": {}}, path)
    network = torch.nn.Linear(3, 2)
    load_strictly(network, path)
    assert float(network.weight[0, 0].detach()) == 1.0
    for wrong in (
        {"weight": good["weight"]},
        {**good, "more": torch.ones(1)},
        {**good, "weight": torch.ones(3, 3)},
    ):
        torch.save({"state_dict": wrong}, path)
        with pytest.raises(WeightsError, match=r"linear\.pth cannot serve"):
            load_strictly(network, path)


def test_embedded_weights_are_read_as_float32() -> None:
    tensors = read_state_dict(store.locate("movenet-thunder"))
    assert {t.dtype for t in tensors.values()} == {torch.float32}
