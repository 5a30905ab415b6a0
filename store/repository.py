"""One repository: every path of it. No other module knows where anything of a repository lies."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT = "default"
PROJECTS, OVERVIEW = "projects", "overview"  # below `site`: the page sets


@dataclass(frozen=True)
class Repository:
    """`packages` is the truth; `site` and `state` hold what the indexer derives from it."""

    name: str
    packages: Path
    site: Path
    state: Path

    @property
    def index(self) -> Path:
        """What was learnt from each file, and what was written below `site`."""
        return self.state / "index.sqlite3"

    @property
    def versions(self) -> Path:
        """Where page sets are made, and stay for a while once they were replaced."""
        return self.site / ".versions"

    @property
    def overview(self) -> Path:
        """The page set about all projects."""
        return self.site / OVERVIEW

    @property
    def projects(self) -> Path:
        return self.site / PROJECTS

    def project(self, project: str) -> Path:
        """The page set of one project: a directory that is replaced in one step."""
        return self.projects / project

    def listing(self, project: str) -> Path:
        """What the project's simple page lists, in the form of `store.listing`: switched together with the page."""
        return self.project(project) / "listing.json"
