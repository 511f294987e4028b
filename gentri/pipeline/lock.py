"""One writer per session."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from gentri.errors import SessionError
from gentri.pipeline.atomic import atomic_write


class SessionLock:
    """A lock that the operating system drops with its process, however that ends.

    Args:
        hidden: the session's hidden folder.
    """

    def __init__(self, hidden: Path) -> None:
        self._hidden = hidden
        # Beside the lock: Windows does not let others read a locked file.
        self._owner = hidden / "lock-owner.txt"
        self._lock = FileLock(hidden / "lock", timeout=0)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other processes out; may be nested.

        Raises:
            SessionError: another process is at work, or the folder cannot be locked.
        """
        root = self._hidden.parent
        try:
            self._hidden.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise SessionError(
                f"another gentri is working in {root}: {self._read_owner()}",
                "wait for it or stop it; work on other videos needs another --session",
            ) from error
        except (OSError, NotImplementedError) as error:
            raise SessionError(
                f"cannot write into {root}: {getattr(error, 'strerror', None) or error}",
                "make the folder writable, or choose another with --session",
            ) from error
        try:
            self._write_owner()
            yield
        finally:
            self._lock.release()

    def _write_owner(self) -> None:
        """Tell others who works here, as well as a full disk allows."""
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        text = f"process {os.getpid()} on {socket.gethostname()} since {started}"
        try:
            with atomic_write(self._owner) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError:
            with suppress(OSError):
                self._owner.unlink(missing_ok=True)  # it would name a process of before

    def _read_owner(self) -> str:
        try:
            return self._owner.read_text(encoding="utf-8")
        except OSError:
            return "it has not said which process it is"
