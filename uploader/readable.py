"""Which of several repositories and file stores somebody may read, where nginx does not ask about one."""

from collections.abc import Iterable

from aiohttp import web

from store.access import may
from store.current import InForce
from store.data import Data
from store.policy import Policies
from store.repository import DEFAULT
from uploader.auth.authorize import Authorization
from uploader.auth.passwords import Proof
from uploader.auth.tokens import Token


class Readable:
    """As of the moment of each question."""

    def __init__(self, data: Data, authorization: Authorization) -> None:
        self._policies = InForce(data)
        self._authorization = authorization

    async def pick(self, request: web.Request, names: Iterable[str]) -> frozenset[str]:
        """The names of those that whoever asks may read; none where no policy is in force."""
        policies = self._policies.read()
        if policies is None:
            return frozenset()
        token = self._authorization.find_token(request)
        proof = await self._authorization.identify(request, policies.of(DEFAULT))
        return frozenset(name for name in names if _may_read(proof, token, name, policies))


def _may_read(proof: Proof | None, token: Token | None, name: str, policies: Policies) -> bool:
    if token and token.may("download", name):
        return True
    user, groups = (proof.user, proof.groups) if proof else (None, frozenset())
    return may(user, "download", policies.of(name), groups)
