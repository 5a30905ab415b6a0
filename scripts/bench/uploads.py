"""Uploads as twine sends them, made ready before: what a client does is to send bytes and to read an answer."""

import hashlib
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from scripts.bench.dataset.fresh import Fresh
from scripts.bench.dataset.texts import readme, requires_python
from scripts.bench.larder import LOGINS
from scripts.bench.talk import HOST, Connection

BOUNDARY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
IN_MEMORY = 1_000_000  # bytes up to which a file is read before the clock starts

_FORK = multiprocessing.get_context("fork")  # what was made ready is there in each client, without being copied


@dataclass(frozen=True)
class Upload:
    """One request: what comes before the file, the file, and what comes after it."""

    head: bytes
    file: Path
    content: bytes
    tail: bytes = b""

    def send(self, connection: Connection) -> None:
        if self.content:
            connection.socket.sendall(self.head + self.content + self.tail)
            return
        connection.socket.sendall(self.head)
        with self.file.open("rb") as file:
            connection.socket.sendfile(file)
        connection.socket.sendall(self.tail)


@dataclass(frozen=True)
class Burst:
    """What a number of clients saw: seconds from the first byte sent to the last answer, and of each upload."""

    seconds: float
    each: list[float]


def post(fresh: Fresh, target: str = "/", login: Sequence[str] = LOGINS["ssha"]) -> Upload:
    """The upload of a distribution, as twine 7 sends it; to Larder, if nothing else is said."""
    before, after = form(fresh)
    content = _in_memory(fresh.file)
    length = len(before) + fresh.file.stat().st_size + len(after)
    lines = [f"POST {target} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {length}", *login]
    lines.append(f"Content-Type: multipart/form-data; boundary={BOUNDARY}")
    return Upload(_head(lines) + before, fresh.file, content, after)


def put(fresh: Fresh) -> Upload:
    """The same file, PUT to a WebDAV directory."""
    name, length = fresh.distribution.filename, fresh.file.stat().st_size
    lines = [f"PUT /put/{name} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {length}"]
    return Upload(_head(lines), fresh.file, _in_memory(fresh.file))


def form(fresh: Fresh) -> tuple[bytes, bytes]:
    """What is before and behind the file in the body of an upload."""
    distribution = fresh.distribution
    fields = {
        "metadata_version": "2.1",
        "name": distribution.project,
        "version": distribution.version,
        "summary": f"The {distribution.project} of a benchmark",
        "requires_python": requires_python(distribution),
        "description_content_type": "text/markdown",
        "description": readme(distribution).decode(),
        "filetype": "bdist_wheel" if distribution.kind == "wheel" else "sdist",
        "pyversion": "py3" if distribution.kind == "wheel" else "source",
        **digests(fresh.file),
        ":action": "file_upload",
        "protocol_version": "1",
    }
    parts = [_part(f'name="{name}"', value.encode()) + b"\r\n" for name, value in fields.items()]
    disposition = f'name="content"; filename="{distribution.filename}"'
    return b"".join(parts) + _part(disposition, b"", "application/octet-stream"), f"\r\n--{BOUNDARY}--\r\n".encode()


def digests(file: Path) -> dict[str, str]:
    """Those that twine sends."""
    sha256, blake2 = hashlib.sha256(), hashlib.blake2b(digest_size=32)
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            sha256.update(piece)
            blake2.update(piece)
    return {"sha256_digest": sha256.hexdigest(), "blake2_256_digest": blake2.hexdigest()}


def _part(disposition: str, value: bytes, kind: str = "") -> bytes:
    lines = [f"--{BOUNDARY}", f"Content-Disposition: form-data; {disposition}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    return _head(lines) + value


def _head(lines: Sequence[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _in_memory(file: Path) -> bytes:
    return file.read_bytes() if file.stat().st_size <= IN_MEMORY else b""


class Clients:
    """Several clients, each a process with uploads of its own, that begin together."""

    def __init__(self, port: int, uploads: Sequence[Upload], clients: int) -> None:
        self._began, self._enough = _FORK.Barrier(clients + 1), _FORK.Event()
        pipes = [_FORK.Pipe(duplex=False) for _ in range(clients)]
        self._ends, self._theirs = zip(*pipes, strict=True)
        shares = [uploads[index::clients] for index in range(clients)]
        self._processes: list[BaseProcess] = [
            _FORK.Process(target=self._run, args=(port, share, theirs), daemon=True)
            for share, (_, theirs) in zip(shares, pipes, strict=True)
        ]

    def begin(self) -> None:
        """All of them are there, and connect and send their first upload now."""
        for process in self._processes:
            process.start()
        for end in self._theirs:
            end.close()  # so that a process that dies is heard of
        self._began.wait(60)

    def are_busy(self) -> bool:
        return all(process.is_alive() for process in self._processes)

    def stop(self) -> None:
        """Each ends after the upload that it is at."""
        self._enough.set()

    def wait(self) -> Burst:
        """Until all have ended; RuntimeError with what was refused, EOFError where one of them died."""
        reports: list[Any] = [end.recv() for end in self._ends]
        for process in self._processes:
            process.join()
        refusals = [report for report in reports if isinstance(report, str)]
        if refusals:
            raise RuntimeError(f"an upload was answered {refusals[0]}")
        times = [(began, ended) for report in reports for began, ended in report]
        seconds = max(ended for _, ended in times) - min(began for began, _ in times)
        return Burst(seconds, [ended - began for began, ended in times])

    def _run(self, port: int, uploads: Sequence[Upload], report: "Pipe[Any, Any]") -> None:
        with Connection(port) as connection:
            self._began.wait(60)
            report.send(_send_all(connection, uploads, self._enough))


def _send_all(connection: Connection, uploads: Sequence[Upload], enough: Event) -> list[tuple[float, float]] | str:
    """When each upload was begun and answered, by the clock of the machine; or the first refusal."""
    times = []
    for upload in uploads:
        if enough.is_set():
            break
        began = time.monotonic()
        try:
            upload.send(connection)
            answer = connection.read()
        except OSError as error:
            return f"not at all: {error}"
        if answer.status not in (200, 201, 204):
            return f"{answer.head.splitlines()[0]} {answer.body.decode(errors='replace')}"
        times.append((began, time.monotonic()))
    return times


def upload_all(port: int, uploads: Sequence[Upload], clients: int) -> Burst:
    """Send all of them by so many clients."""
    running = Clients(port, uploads, clients)
    running.begin()
    return running.wait()
