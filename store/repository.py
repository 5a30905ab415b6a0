"""One repository: every path of it. No other module knows where anything of a repository lies."""

import re
from dataclasses import dataclass
from pathlib import Path

DEFAULT = "default"
NAMED = "repositories"  # below it, in URLs and in the data directory alike, are all others
NAME = re.compile("[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")  # of one; nginx.conf has it, too
NAME_EXPECTED = "up to 64 lower-case letters, digits, and . _ - between them, not ending in .toml"
PROJECTS, OVERVIEW, CATALOGUE = "projects", "overview", "catalogue"  # below `site`: the page sets


def is_repository_name(name: str) -> bool:
    """Whether a repository beside the default one can have the name; `.toml` is for files that lie beside theirs."""
    return bool(NAME.fullmatch(name)) and name != DEFAULT and not name.endswith(".toml")


def address_of(name: str) -> str:
    """Where the repository is below the root of all URLs, and below the data directory: it is the same path."""
    return "" if name == DEFAULT else f"{NAMED}/{name}/"


@dataclass(frozen=True)
class Repository:
    """`packages` is the truth; `site` and `state` hold what the indexer derives from it.

    `found` holds what the uploader keeps of projects that are unknown here and were found elsewhere.
    """

    name: str
    packages: Path
    site: Path
    state: Path
    found: Path

    @property
    def address(self) -> str:
        """As `address_of` has it."""
        return address_of(self.name)

    def status(self, project: str) -> Path:
        """How the project is, where anybody said so: in the form of `store.status`."""
        return self.packages / f"{project}.status"

    @property
    def index(self) -> Path:
        """What was learnt from each file, and what was written below `site`."""
        return self.state / "index.sqlite3"

    @property
    def doubted(self) -> Path:
        """Names of files that are to be read again."""
        return self.state / "doubted"

    @property
    def versions(self) -> Path:
        """Where page sets are made, and stay for a while once they were replaced."""
        return self.site / ".versions"

    @property
    def overview(self) -> Path:
        """The page set about all projects."""
        return self.site / OVERVIEW

    @property
    def searched(self) -> Path:
        """What each project says of itself, as `store.searched` has it."""
        return self.site / CATALOGUE / "projects.json"

    @property
    def projects(self) -> Path:
        return self.site / PROJECTS

    def project(self, project: str) -> Path:
        """The page set of one project: a directory that is replaced in one step."""
        return self.projects / project

    def listing(self, project: str) -> Path:
        """What the project's simple page lists, in the form of `store.listing`: switched together with the page."""
        return self.project(project) / "listing.json"
