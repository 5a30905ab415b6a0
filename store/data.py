"""The data directory: which repositories and file stores there are, and every path that is not a repository's own."""

import errno
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from store.file_store import FILES, FileStore, called_by, is_called, is_store_name, name_of_store
from store.repository import DEFAULT, NAME, NAMED, Repository, address_of, is_repository_name

_NAMED = re.compile(rf"/+{NAMED}/+(?P<name>{NAME.pattern})(?P<rest>/.*)?", re.DOTALL)

_STORED = re.compile(rf"/+{FILES}/+(?P<called>{NAME.pattern})(?:/.*)?", re.DOTALL)


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
        """The one of that name, whether it is there or not."""
        packages = self.root / address_of(name) / "packages"
        return Repository(name, packages, self.site / name, self.state / name, self.upstream / name)

    def copied(self, repository: Repository, directory: Path) -> Repository:
        """What a copy of it in the directory is made from: the same packages, with pages and state of its own."""
        mark = sha256(os.fsencode(f"{repository.name} {directory}")).hexdigest()[:16]
        own = self.state / ".copies" / mark
        return replace(repository, site=own / "site", state=own / "state")

    def find(self, path: str) -> tuple[Repository, str]:
        """The repository that a URL's path is about, there or not, and the rest of the path: what it is in there.

        nginx.conf maps in the same way.
        """
        found = _NAMED.fullmatch(path)
        if found is None or not is_repository_name(found["name"]):
            return self.default, path
        return self.repository(found["name"]), found["rest"] or "/"

    def find_name(self, path: str) -> str:
        """The name of what a URL's path is about, be it a repository or a file store, there or not."""
        found = _STORED.fullmatch(path)
        return name_of_store(found["called"]) if found else self.find(path)[0].name

    def exists(self, repository: Repository) -> bool:
        """The default one always does; any other as long as its directory is there, whoever may look into it."""
        if not is_repository_name(repository.name):
            return repository.name == DEFAULT
        return _is_directory(repository.packages)

    def repositories(self) -> tuple[Repository, ...]:
        """The default one, and after it all others that exist, by name. OSError where that cannot be seen."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return (self.default, *filter(self.exists, self._named_in(self.named)))
        return (self.default,)

    def file_store(self, called: str) -> FileStore:
        """The one that is called so, whether it is there or not."""
        return FileStore(name_of_store(called), self.files / called)

    def file_stores(self) -> tuple[FileStore, ...]:
        """All that there are, by name. OSError where that cannot be seen."""
        with suppress(FileNotFoundError, NotADirectoryError):
            called = sorted(path.name for path in self.files.iterdir() if is_called(path.name))
            return tuple(each for each in map(self.file_store, called) if _is_directory(each.directory))
        return ()

    def has(self, name: str) -> bool:
        """Whether there is a repository of the name, or the file store that it stands for."""
        if is_store_name(name):
            return _is_directory(self.directory_of(name))
        return self.exists(self.repository(name))

    def directory_of(self, name: str) -> Path:
        """Where what is in there lies, be it a repository's packages or the files of a store."""
        if is_store_name(name):
            return self.file_store(called_by(name)).directory
        return self.repository(name).packages

    def served(self) -> tuple[Repository | FileStore, ...]:
        """All repositories and stores. OSError as these."""
        return (*self.repositories(), *self.file_stores())

    def written(self) -> tuple[Path, ...]:
        """Where clients have files put, of each of these."""
        return tuple(self.directory_of(each.name) for each in self.served())

    def remembered(self) -> tuple[Repository, ...]:
        """All but the default one that something was derived for, whether they exist or not."""
        with suppress(OSError):
            return tuple(each for each in self._named_in(self.state) if each.index.exists())
        return ()

    def _named_in(self, directory: Path) -> list[Repository]:
        """Those that something is called after there."""
        names = sorted(path.name for path in directory.iterdir())
        return [self.repository(name) for name in names if is_repository_name(name)]

    @property
    def named(self) -> Path:
        """Where all but the default repository are."""
        return self.root / NAMED

    @property
    def files(self) -> Path:
        """Where the file stores are."""
        return self.root / FILES

    @property
    def upstream(self) -> Path:
        """What was found elsewhere, of each repository; disposable."""
        return self.root / "upstream"

    @property
    def htpasswd(self) -> Path:
        return self.root / "auth" / ".htpasswd"

    @property
    def tokens(self) -> Path:
        return self.root / "auth" / ".tokens"

    @property
    def policy(self) -> Path:
        """What people write; `store.current` alone reads it."""
        return self.root / "larder.toml"

    @property
    def audit(self) -> Path:
        """Every change and refusal, a line each, where `larder.toml` wants it."""
        return self.root / "log" / "audit.jsonl"

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
        """Where a link is for each who was found to be a user, see `uploader.auth.admissions`.

        It is no directory of its own: nginx takes this way at every request, and each step of it takes time.
        """
        return self.run / "uploader"

    @property
    def handed_over(self) -> Path:
        """There while every directory is whose it has to be, as far as the uploader knows: see `uploader.named`."""
        return self.run / "uploader" / "handed-over"

    @property
    def socket(self) -> Path:
        """Where the uploader listens."""
        return self.run / "uploader" / "uploader.sock"


def _is_directory(path: Path) -> bool:
    """Whoever may look into it."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return error.errno != errno.ELOOP
