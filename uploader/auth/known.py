"""What was found of passwords, without any of them: digests that only this process can make."""

import hashlib
import hmac
import secrets
from collections import OrderedDict

from uploader.auth.basic import Credentials

RIGHT, WRONG = 10_000, 1_000  # how many of each are remembered; then the one that was longest not asked for goes


class Seal:
    """A key that nobody else has."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def digest(self, credentials: Credentials, by: bytes) -> bytes:
        """What stands for these, and for what says whose they are: a hash, or somebody who is asked."""
        whole = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in (credentials.name, credentials.password, by):
            whole.update(len(part).to_bytes(8) + part)
        return whole.digest()

    def pick(self, name: bytes, count: int) -> int:
        """A number below `count`, always the same one for a name; nobody else can tell which."""
        return int.from_bytes(hmac.digest(self._key, name, hashlib.sha256)[:8]) % count


class Known(Seal):
    """Remembers whether a password was a hash's. A hash that changes is another one."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[bool, OrderedDict[bytes, None]] = {True: OrderedDict(), False: OrderedDict()}

    def recall(self, digest: bytes) -> bool | None:
        """What was found; None where that is not known."""
        for was_right, digests in self._found.items():
            if digest in digests:
                digests.move_to_end(digest)
                return was_right
        return None

    def remember(self, digest: bytes, *, was_right: bool) -> None:
        digests = self._found[was_right]
        digests[digest] = None
        if len(digests) > (RIGHT if was_right else WRONG):
            digests.popitem(last=False)
