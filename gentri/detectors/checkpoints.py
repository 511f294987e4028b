"""Weight files as state dicts, without running code that they may contain."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from gentri.errors import WeightsError

# Entries that some OpenMMLab releases wrote and others did not; inference uses neither: the input
# normalisation is in the configuration, the batch counter only serves training.
_OPTIONAL = ("data_preprocessor.", ".num_batches_tracked")


def read_state_dict(path: Path) -> dict[str, Any]:
    """The tensors of a `.safetensors` file or of an OpenMMLab `.pth` checkpoint, by name.

    Raises:
        WeightsError: not a weight file, or one that would run code when read.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return {name: tensor.float() for name, tensor in load_file(path).items()}
        except (SafetensorError, OSError) as error:
            raise _unreadable(path, error) from error
    checkpoint = _read_checkpoint(path)
    return dict(checkpoint.get("state_dict", checkpoint))


def _read_checkpoint(path: Path) -> Mapping[str, Any]:
    """OpenMMLab checkpoints hold a training log beside the tensors: numbers and arrays, no code."""
    from pickle import UnpicklingError

    import torch

    try:
        with torch.serialization.safe_globals(_harmless()):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(checkpoint, Mapping):
        raise _unreadable(path, TypeError(f"it holds a {type(checkpoint).__name__}"))
    return checkpoint


class _TrainingLog:
    """Stands in for MMEngine's HistoryBuffer: takes its numbers and can do nothing."""


def _no_method(*_args: Any) -> None:
    """Stands in for `getattr`, by which the log names its own methods; nothing is looked up."""


def _harmless() -> list[Any]:
    """All that an OpenMMLab checkpoint may name: numpy's arrays and scalars, and a training log."""
    import numpy as np

    core = import_module(np.ndarray.__reduce__(np.empty(0))[0].__module__)
    dtypes = [type(np.dtype(name)) for name in ("f4", "f8", "i4", "i8", "u1", "bool")]
    array = [
        (getattr(core, name), f"numpy.{package}.multiarray.{name}")
        for name in ("_reconstruct", "scalar")
        for package in ("core", "_core")  # as numpy 1 and numpy 2 wrote it
    ]
    log = [
        (_TrainingLog, "mmengine.logging.history_buffer.HistoryBuffer"),
        (_no_method, "__builtin__.getattr"),
        (_no_method, "builtins.getattr"),
    ]
    return [np.ndarray, np.dtype, *dtypes, *array, *log]


def load_strictly(model: Any, path: Path) -> None:
    """Load a weight file into a module; every tensor must fit.

    Raises:
        WeightsError: tensors are missing, superfluous or of another shape.
    """
    try:
        found = model.load_state_dict(read_state_dict(path), strict=False)
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    wrong = [k for k in (*found.missing_keys, *found.unexpected_keys) if not _is_optional(k)]
    if wrong:
        named = ", ".join(wrong[:3])
        raise _unreadable(path, KeyError(f"{len(wrong)} tensors do not match ({named} …)"))


def _is_optional(key: str) -> bool:
    return key.startswith(_OPTIONAL[0]) or key.endswith(_OPTIONAL[1])


def _unreadable(path: Path, error: Exception) -> WeightsError:
    reason = str(error).partition("\n")[0] or type(error).__name__
    return WeightsError(
        f"{path} cannot serve as weights of this model: {reason}",
        "check it with `gentri weights verify`, or fetch it again with `gentri weights fetch`",
    )
