"""The ways by which nginx reads a repository: there only while the policy in force has them, so that to go is to ask.

    <repository>/anonymous              a mark: anybody may read
    <repository>/anonymous-pages        to the pages
    <repository>/anonymous-files        to the directory of packages/, where no file ever changes under its name,
    <repository>/anonymous-overwritten  or where one may
    <repository>/readers                while users may, but not anybody: one file for each whose password nginx checks
    <repository>/authenticated-…        to the directory of packages/, for them
    <repository>/asked-…                the same, always: for those of whom the uploader says that they may

They lead to where nginx is started, the directory that `run/` lies in: how it gets at the data is its own affair.
"""

import os
from pathlib import Path

from store.data import Data
from store.policy import ANONYMOUS, AUTHENTICATED, Policy
from store.repository import Repository

READERS = "readers"
ASKED = "asked"
HERE = "."  # where a mark leads to


def list_ways(data: Data, repository: Repository, policy: Policy) -> dict[str, str]:
    """Path below the policy in force → where the link there leads to."""
    files = "overwritten" if policy.overwrite else "files"
    files_there = _lead(data, _seen(repository.packages.parent, data))
    ways = {f"{ASKED}-{files}": files_there}
    if ANONYMOUS in policy.download:
        pages_there = _lead(data, _seen(repository.site, data))
        ways |= {ANONYMOUS: HERE, f"{ANONYMOUS}-pages": pages_there, f"{ANONYMOUS}-{files}": files_there}
    elif AUTHENTICATED in policy.download:
        readers_there = _lead(data, data.readers.relative_to(data.run.parent))
        ways |= {READERS: readers_there, f"{AUTHENTICATED}-{files}": files_there}
    return {f"{repository.name}/{way}": target for way, target in ways.items()}


def _seen(path: Path, data: Data) -> Path:
    """As nginx sees it: below site/, or by way of data/ where the pages lie there too, which is shorter."""
    if path.is_relative_to(data.root):
        return Path("data", path.relative_to(data.root))
    return Path("site", path.relative_to(data.site))


def _lead(data: Data, path: Path) -> str:
    """From the directory of a repository's ways to what nginx sees as `path`; the shorter, the quicker."""
    ways = data.policy_in_force.relative_to(data.run.parent) / "repository"
    return os.path.relpath(Path("/", path), Path("/", ways))
