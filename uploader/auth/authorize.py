"""A request → the user who makes it, or an HTTP refusal, before any of the body is read."""

import math

from aiohttp import web

from store.access import Action, may, may_anybody
from store.current import InForce
from store.errors import shown
from store.policy import Policy
from uploader.answers import HttpRefusal
from uploader.audit import client_of, log_unread
from uploader.auth.authority import Unanswered
from uploader.auth.basic import Credentials, list_names, parse_basic
from uploader.auth.elsewhere import Elsewhere
from uploader.auth.htpasswd import Htpasswd, Users
from uploader.auth.limits import TooManyGuesses
from uploader.auth.passwords import Passwords, Proof
from uploader.auth.tokens import USER, Token, Tokens, render_token
from uploader.auth.turns import Busy

CHALLENGE = {"WWW-Authenticate": 'Basic realm="pypi"'}  # distutils answers to no other realm
WRONG = "wrong user name or password"
CHANGED = "other rules came into force while the password was being checked; try again"
VERBS: dict[Action, str] = {"upload": "upload", "download": "read", "delete": "delete"}
CLOSED: dict[Action, str] = {
    "upload": "uploads are closed: larder.toml lets nobody upload",
    "download": "reading is closed: larder.toml lets nobody read",
    "delete": "deleting is closed: larder.toml lets nobody delete",
}
NEEDED: dict[Action, str] = {
    "upload": "uploads need a user name and a password",
    "download": "reading needs a user name and a password",
    "delete": "deleting needs a user name and a password",
}


class Authorization:
    """Whether a request may do what it wants to: for uploads, and for the reads that nginx asks about."""

    def __init__(
        self, policies: InForce, htpasswd: Htpasswd, tokens: Tokens, passwords: Passwords, elsewhere: Elsewhere
    ) -> None:
        self._policies = policies
        self._htpasswd = htpasswd
        self._tokens = tokens
        self._passwords = passwords
        self._elsewhere = elsewhere

    async def authorize(self, request: web.Request, action: Action, repository: str, policy: Policy) -> str | None:
        """The user, None where anybody may; HttpRefusal for everyone who may not."""
        proof = await self.prove(request, action, repository, policy)
        return None if proof is None else proof.user

    async def prove(self, request: web.Request, action: Action, repository: str, policy: Policy) -> Proof | None:
        """The same with what proves it."""
        if may(None, action, policy):
            return None
        credentials = parse_basic(request.headers.get("Authorization"))
        if credentials is not None and credentials.name == USER:
            return self._prove_token(credentials, action, repository)
        if not may_anybody(action, policy):
            raise HttpRefusal(403, CLOSED[action])
        proof = await self._check(request, action, policy)
        if proof is None:
            raise HttpRefusal(401, WRONG, CHALLENGE)
        policies = self._policies.read()
        if policies is None or policies.of(repository) != policy:
            raise HttpRefusal(503, CHANGED, {"Retry-After": "1"})
        if not may(proof.user, action, policy, proof.groups):
            raise HttpRefusal(403, f"{shown(proof.user)} may not {VERBS[action]} here")
        return proof

    def find_token(self, request: web.Request) -> Token | None:
        """The token that comes with the request, if there is one that counts."""
        credentials = parse_basic(request.headers.get("Authorization"))
        if credentials is None or credentials.name != USER:
            return None
        try:
            return self._tokens.find(credentials.password)
        except OSError:
            return None

    def _prove_token(self, credentials: Credentials, action: Action, repository: str) -> Proof:
        """What a token may do larder.toml does not say: it was made for it."""
        try:
            token = self._tokens.find(credentials.password)
        except OSError as error:
            raise HttpRefusal(503, f".tokens cannot be read: {error.strerror}; /health says more") from error
        if token is None:
            raise HttpRefusal(401, "this is no token, or one that has ended", CHALLENGE)
        if not token.may(action, repository):
            raise HttpRefusal(403, f"the token {shown(token.name)} may not {VERBS[action]} here")
        return Proof(token.user, render_token(token).encode(), "")

    async def identify(self, request: web.Request, policy: Policy) -> Proof | None:
        """Whose name and password come with the request; None for nobody's, and where it cannot be told."""
        credentials = parse_basic(request.headers.get("Authorization"))
        if credentials is None or credentials.name == USER:
            return None
        try:
            proof = await self._check(request, "download", policy)
        except HttpRefusal:
            return None
        if proof is None:
            log_unread(request, 401, WRONG)
        return proof

    def _read_users(self, action: Action, policy: Policy) -> Users:
        try:
            users = self._htpasswd.read()
        except OSError as error:
            raise HttpRefusal(503, f".htpasswd cannot be read: {error.strerror}; /health says more") from error
        if not users and policy.authority is None:
            raise HttpRefusal(403, f"there is no user yet who may {VERBS[action]}; add one with: scripts/user add NAME")
        return users

    async def _check(self, request: web.Request, action: Action, policy: Policy) -> Proof | None:
        users = self._read_users(action, policy)
        header = request.headers.get("Authorization")
        if header is None:
            raise HttpRefusal(401, NEEDED[action], CHALLENGE)
        credentials = parse_basic(header)
        if credentials is None:
            return None
        try:
            if policy.authority and not users.name_any(list_names(credentials)):
                proof = await self._elsewhere.prove(policy.authority, credentials, client_of(request))
                return None if self._read_users(action, policy).name_any(list_names(credentials)) else proof
            return await self._passwords.prove(users, credentials, client_of(request))
        except TooManyGuesses as error:
            seconds = math.ceil(error.wait)
            message = f"too many wrong passwords; the next may come in {seconds} s"
            raise HttpRefusal(429, message, {"Retry-After": str(seconds)}) from error
        except Busy as error:
            message = "too many passwords are being checked; try again in a moment"
            raise HttpRefusal(503, message, {"Retry-After": "1"}) from error
        except Unanswered as error:
            message = "nobody can say now whose password this is; /health says more"
            raise HttpRefusal(503, message, {"Retry-After": "5"}) from error
