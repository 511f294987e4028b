"""Turns what the system does to a run into something that a person can act on."""

import errno
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from gentri.errors import SessionError

_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def explain_disk_errors(root: Path | None = None) -> Iterator[None]:
    """Say what to do about a disk that is full or not writable.

    Args:
        root: the session's folder, where there is one.

    Raises:
        SessionError: instead of the system's error.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise SessionError(
                f"the disk is full{_free_space(root)}; finished work is kept",
                "free space and run again to go on from there (gentri clean removes old work), "
                "or use a folder on another disk: --session OTHER",
            ) from error
        if error.errno in _FORBIDDEN:
            raise SessionError(
                f"permission denied: {error.filename or root or 'a file'} ({error.strerror}); "
                "finished work is kept",
                "allow it to this user and run again, or use another folder: --session OTHER",
            ) from error
        raise


def _free_space(root: Path | None) -> str:
    if root is None or not root.is_dir():
        return ""
    return f": {shutil.disk_usage(root).free / 1e6:.0f} MB are free at {root}"


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: helpers are stopped and the lock is given back."""
    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
