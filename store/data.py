"""The data directory: which repositories there are, and every path that is not a repository's own."""

from dataclasses import dataclass
from pathlib import Path

from store.repository import DEFAULT, Repository


@dataclass(frozen=True)
class Data:
    """`root` is what people keep; `site` and `state` are derived; `run` lasts as long as the programs run.

    The four may lie on four file systems.
    """

    root: Path
    site: Path
    state: Path
    run: Path

    @classmethod
    def at(cls, root: Path, run: Path) -> "Data":
        """With everything in its usual place below `root`."""
        return cls(root, root / "site", root / "state", run)

    @property
    def default(self) -> Repository:
        return self.repository(DEFAULT)

    def repository(self, name: str) -> Repository:
        return Repository(name, self.root / "packages", self.site / name, self.state / name)

    def repositories(self) -> tuple[Repository, ...]:
        return (self.default,)

    @property
    def htpasswd(self) -> Path:
        return self.root / "auth" / ".htpasswd"

    @property
    def policy(self) -> Path:
        """What people write; `store.current` alone reads it."""
        return self.root / "larder.toml"

    @property
    def kept_policy(self) -> Path:
        """The policy in force last, word for word: it outlives the programs."""
        return self.state / "larder.toml"

    @property
    def policy_in_force(self) -> Path:
        """What uploader and nginx go by: a directory that `store.current` exchanges."""
        return self.run / "indexer" / "policy"

    @property
    def heartbeat(self) -> Path:
        """What the indexer says of itself, again and again."""
        return self.run / "indexer" / "heartbeat"

    @property
    def channel(self) -> Path:
        """Where the indexer listens to the uploader, see `indexer.channel`."""
        return self.run / "indexer" / "indexer.sock"

    def readers_of(self, repository: str) -> Path:
        """Who may read it and has a password that nginx can check: one file each, see `uploader.auth.readers`."""
        return self.run / "uploader" / "readers" / repository

    @property
    def admitted(self) -> Path:
        """Who was found to be a user: one link each, see `uploader.auth.admissions`."""
        return self.run / "uploader" / "admitted"

    @property
    def socket(self) -> Path:
        """Where the uploader listens."""
        return self.run / "uploader" / "uploader.sock"
