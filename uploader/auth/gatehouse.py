"""The whole check of who somebody is, and what nginx is told of it: as `.htpasswd` has it, a few times a second."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from store.data import Data
from uploader.auth.admissions import Admissions
from uploader.auth.authorize import Authorization
from uploader.auth.htpasswd import Htpasswd
from uploader.auth.limits import Limits
from uploader.auth.passwords import Passwords
from uploader.auth.readers import Readers

log = logging.getLogger(__name__)

TICK = 0.2  # seconds between two looks at the users


class Gatehouse:
    """Of one data directory: one memory of passwords and guesses for uploads and reads."""

    def __init__(self, data: Data) -> None:
        self._htpasswd = Htpasswd(data.htpasswd)
        self._readers = Readers(data.readers)
        self.admissions = Admissions(data)
        self._limits = Limits(self.admissions.withdraw, self._readers.withdraw)
        self._passwords = Passwords(self._limits)
        self.authorization = Authorization(self._htpasswd, self._passwords)

    async def keeping(self, _: web.Application) -> AsyncIterator[None]:
        """As long as the application runs. What nginx knows stays afterwards: it goes on."""
        with contextlib.suppress(OSError):
            self.admissions.clear()
        task = asyncio.create_task(self._keep())
        yield
        task.cancel()
        self._passwords.close()

    async def _keep(self) -> None:
        problem = ""
        while True:
            before, problem = problem, ""
            try:
                users = self._read_users()
                self.admissions.keep(users)
                await asyncio.to_thread(self._readers.keep, users, self._limits.withheld())
            except OSError as error:
                problem = f"nginx cannot be told of the users: {error}"
            if problem not in ("", before):
                log.error(problem)
            await asyncio.sleep(TICK)

    def _read_users(self) -> Mapping[str, bytes]:
        """Nobody where they cannot be read; `/health` says why."""
        try:
            return self._htpasswd.read()
        except OSError:
            return {}
