"""The whole check of who somebody is, and what nginx is told of it: a few times a second as users and policy are."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from store import files
from store.current import InForce
from store.data import Data
from store.policy import Doubt, Policies
from store.repository import DEFAULT
from uploader.auth.admissions import Admissions
from uploader.auth.authorize import Authorization
from uploader.auth.elsewhere import Elsewhere
from uploader.auth.htpasswd import Htpasswd, Users
from uploader.auth.limits import Limits
from uploader.auth.passwords import Passwords
from uploader.auth.readers import Readers
from uploader.auth.tokens import Tokens, render_token
from uploader.doubts import list_doubts

log = logging.getLogger(__name__)

TICK = 0.2  # seconds between two looks at the users
SAID = 20  # doubts of one change, a line each


class Gatehouse:
    """Of one data directory: one memory of passwords and guesses for uploads and reads."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._htpasswd = Htpasswd(data.htpasswd)
        self._tokens = Tokens(data.tokens)
        self._policies = InForce(data)
        self._readers: dict[str, Readers] = {}  # replaced, never changed: it is kept on another thread
        self.admissions = Admissions(data)
        self._limits = Limits(self.admissions.withdraw, self._withdraw_reader)
        self._passwords = Passwords(self._limits)
        self._doubts: list[Doubt] = []
        self.elsewhere = Elsewhere(self._limits)
        self.authorization = Authorization(
            self._policies, self._htpasswd, self._tokens, self._passwords, self.elsewhere
        )

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
                found, policies = self._read_users(), self._policies.read()
                users: Mapping[str, bytes] = found or {}
                others = self.elsewhere.users(policies.of(DEFAULT).authority if policies else None)
                others = {user: proved for user, proved in others.items() if found and not found.name_any([user])}
                self.admissions.keep({**others, **users, **self._read_tokens()})
                await asyncio.to_thread(self._keep_readers, users, policies, self._limits.withheld())
                if found is not None and policies is not None:
                    self._say_doubts(found, policies)
            except Exception as error:  # whatever it is: who was removed must not stay in because this ended
                problem = f"nginx cannot be told of the users: {error}"
            if problem not in ("", before):
                log.error(problem)
            await asyncio.sleep(TICK)

    def _read_tokens(self) -> Mapping[str, bytes]:
        """Each that has not ended, as it is kept, as if it were a user; none where they cannot be read."""
        with contextlib.suppress(OSError):
            return {
                each.user: render_token(each).encode() for each in self._tokens.read().values() if not each.has_ended
            }
        return {}

    def _read_users(self) -> Users | None:
        """None where they cannot be read; `/health` says why."""
        try:
            return self._htpasswd.read()
        except OSError:
            return None

    def _keep_readers(self, users: Mapping[str, bytes], policies: Policies | None, withheld: frozenset[str]) -> None:
        before, names = self._readers, list(self._readers)
        with contextlib.suppress(OSError):  # then those that were there are kept, for users may have to be taken out
            names = [each.name for each in self._data.served()]
        self._readers = {name: before.get(name) or Readers(self._data.readers_of(name)) for name in names}
        for name, readers in self._readers.items():
            readers.keep(users, policies.of(name) if policies else None, withheld)
        for gone in before.keys() - self._readers.keys():
            files.remove(self._data.readers_of(gone))

    def _withdraw_reader(self, user: str) -> None:
        for readers in self._readers.values():
            readers.withdraw(user)

    def _say_doubts(self, users: Mapping[str, bytes], policies: Policies) -> None:
        """Once for each change."""
        before, self._doubts = set(self._doubts), list_doubts(policies, users)
        new = [doubt for doubt in self._doubts if doubt not in before]
        for doubt in new[:SAID]:
            log.warning("%s, line %d: %s", self._data.policy, doubt.line, doubt.reason)
        if len(new) > SAID:
            log.warning("%s: %d more users or groups that there are not", self._data.policy, len(new) - SAID)
