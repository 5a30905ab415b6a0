"""The uploader's end of the channel to the indexer; see `indexer.channel`."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from store.messages import PACKET, WRONG, Checked, Published, Wanted, parse_published, render_checked, render_wanted

FIRST_PAUSE, LAST_PAUSE = 0.1, 2.0  # seconds between two tries to connect


class Caller:
    """The uploader's end: connects when it is used, and again, at intervals, where it is lost. Nothing raises here.

    `take` is called within the event loop. All but `tell` belong to the loop's thread.
    """

    def __init__(self, path: Path, take: Callable[[Published], None]) -> None:
        self._path = path
        self._take = take
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()  # between sending and closing: a descriptor that was closed may be another's
        self._due, self._pause = 0.0, FIRST_PAUSE

    def connect(self) -> bool:
        """Whether somebody listens; tries to reach one where none did lately."""
        now = time.monotonic()
        if self._socket is None and now >= self._due:
            self._due = now + self._pause
            self._pause = min(2 * self._pause, LAST_PAUSE)
            self._try()
        return self._socket is not None

    def _try(self) -> None:
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            caller.setblocking(False)
            caller.connect(str(self._path))
        except OSError:
            caller.close()
            return
        self._socket, self._pause = caller, FIRST_PAUSE
        asyncio.get_running_loop().add_reader(caller, self._hear)

    def tell(self, told: Checked | Wanted) -> None:
        """Say it, if anybody listens; never waits, and may be called on any thread."""
        if self._socket is None:
            return
        packet = render_checked(told) if isinstance(told, Checked) else render_wanted(told)
        with self._lock, contextlib.suppress(OSError):  # too long, too many, or nobody there any more
            if self._socket is not None and len(packet) <= PACKET:
                self._socket.send(packet)

    def _hear(self) -> None:
        try:
            packet = self._socket.recv(PACKET) if self._socket else b""
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self.close()
            return
        with contextlib.suppress(*WRONG):
            for published in parse_published(packet):
                self._take(published)

    def close(self) -> None:
        """Be silent until the next try."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            with self._lock:
                self._socket.close()
                self._socket = None
