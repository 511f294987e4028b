"""Where networks can run on this machine."""

from gentri.errors import UsageError


def pick_device(wanted: str) -> str:
    """A device that is there.

    Args:
        wanted: "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the wanted device is not there.
    """
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return next(name for name, available in there.items() if available)
    if not there.get(wanted.partition(":")[0], False):
        found = ", ".join(name for name, available in there.items() if available)
        raise UsageError(f"this machine has no device {wanted!r}", f"use auto, or one of: {found}")
    return wanted


def require_device(wanted: str) -> None:
    """Refuse a device that is not there; "auto" and "cpu", which always are, load no torch.

    Raises:
        UsageError: the wanted device is not there.
    """
    if wanted not in ("auto", "cpu"):
        pick_device(wanted)
