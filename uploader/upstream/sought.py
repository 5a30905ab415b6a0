"""What is looked for elsewhere: a value."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from store.policy import Policy
from store.repository import Repository
from store.upstream import origin_of


class Sought(NamedTuple):
    """A project that is unknown in the repository, by the rules of which it is looked for."""

    repository: Repository
    policy: Policy
    project: str

    @property
    def url(self) -> str:
        """Of its page at the upstream."""
        return f"{self.policy.upstream}{self.project}/"

    @property
    def origins(self) -> frozenset[str]:
        """Those that may be asked for anything."""
        return frozenset((origin_of(self.policy.upstream), *self.policy.upstream_hosts))

    @property
    def way(self) -> str:
        """Where what was found is kept, below all that was: what is of one upstream is never taken for another's."""
        return f"{sha256(self.policy.upstream.encode()).hexdigest()[:8]}/{self.project}"

    @property
    def directory(self) -> Path:
        """The same as a path."""
        return self.repository.found / self.way
