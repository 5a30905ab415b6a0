"""The indexer's end of the channel to the uploader: one socket on which both tell each other what they know first.

The uploader says what it has checked, before the file gets its name, and what boards ask for; the indexer says which
projects' pages were switched. All of it is hints: what is lost on the way is read from the disk, as it would be without
a channel.
"""

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from store.messages import PACKET, WRONG, Checked, Wanted, parse_told, render_published

log = logging.getLogger(__name__)

CALLERS = 8  # at once
PROJECTS = 500  # named in one packet
PAUSE = 0.1  # seconds before another caller is taken where one could not be


class Listener:
    """The indexer's end, at a path that only its own user may connect to. Nothing that a caller does raises here.

    `take` is called on a thread of this class's own. Where there can be no socket a line in the log says so.
    """

    def __init__(self, path: Path, take: Callable[[Checked | Wanted], None]) -> None:
        self._path = path
        self._take = take
        self._callers: tuple[socket.socket, ...] = ()  # replaced, never changed: `tell` is on another thread
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="channel", daemon=True)
        try:
            self._server = _listen(path)
        except OSError as error:
            log.warning("cannot listen at %s, so the uploader looks for its pages: %s", path, error.strerror or error)
            return
        self._thread.start()

    def tell(self, repository: str, projects: Iterable[str]) -> None:
        """Say that these projects' page sets were switched. Never waits: a caller that does not read is dropped."""
        callers = self._callers
        if not callers:
            return
        names = list(projects)
        for at in range(0, len(names), PROJECTS):
            packet = render_published(repository, names[at : at + PROJECTS])
            for caller in callers:
                _send_or_drop(caller, packet)

    def close(self) -> None:
        """Drop every caller, and end the thread."""
        if not self._thread.is_alive():
            return
        self._is_closed = True
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        with self._server, selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            while not self._is_closed:
                for key, _ in selector.select():
                    self._attend(key.fileobj, selector)
            for caller in self._callers:
                caller.close()

    def _attend(self, ready: object, selector: selectors.BaseSelector) -> None:
        if ready is self._server:
            self._accept(selector)
        elif isinstance(ready, socket.socket) and not self._hear(ready):
            self._callers = tuple(caller for caller in self._callers if caller is not ready)
            selector.unregister(ready)
            ready.close()

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            caller, _ = self._server.accept()
        except BlockingIOError:
            return
        except OSError:  # as where no descriptor is left
            time.sleep(0 if self._is_closed else PAUSE)
            return
        if len(self._callers) >= CALLERS:
            caller.close()
            return
        caller.setblocking(False)
        selector.register(caller, selectors.EVENT_READ)
        self._callers = (*self._callers, caller)

    def _hear(self, caller: socket.socket) -> bool:
        """Take one packet; False where there will be no more."""
        try:
            packet = caller.recv(PACKET)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if packet:
            with contextlib.suppress(*WRONG):
                self._take(parse_told(packet))
        return bool(packet)


def _listen(path: Path) -> socket.socket:
    """A socket at `path`, in the place of what a killed program left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        server.setblocking(False)
        os.fchmod(server.fileno(), 0o600)  # the mode that bind(2) gives the path, but for the umask
        server.bind(str(path))
        server.listen(CALLERS)
    except BaseException:
        server.close()
        raise
    return server


def _send_or_drop(caller: socket.socket, packet: bytes) -> None:
    try:
        caller.send(packet)
    except OSError:  # it does not read, or is not there any more
        with contextlib.suppress(OSError):
            caller.shutdown(socket.SHUT_RDWR)  # which the thread hears, and closes it
