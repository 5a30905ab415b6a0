"""`log/audit.jsonl`: every change that was made and every refusal, as JSON, a line each, where the policy wants it."""

import json
import logging
import os
from collections.abc import Mapping

from aiohttp import web

from store.current import InForce
from store.data import Data

log = logging.getLogger(__name__)

MODE = 0o640


class AuditFile:
    """Of one data directory. It is opened for each line: whoever rotates it only has to rename it."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._policies = InForce(data)
        self._problem = ""

    def write(self, path: str, record: Mapping[str, object]) -> None:
        """Add a line about a request to `path`. Never raises: a line in the log says why it cannot be added."""
        policies = self._policies.read()
        if policies is None or not policies.audit:
            return
        line = json.dumps({**record, "repository": self._data.find_name(path)}) + "\n"
        before, self._problem = self._problem, ""
        try:
            _append(self._data, line.encode())
        except OSError as error:
            self._problem = f"{self._data.audit}: {error.strerror}; what happens now is in this log alone"
        if self._problem not in ("", before):
            log.error(self._problem)


AUDIT = web.AppKey("audit", AuditFile)


def _append(data: Data, line: bytes) -> None:
    """In one write, so that no two lines mix."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(data.audit, flags, MODE)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
