"""The ways by which nginx reads: there only while the policy in force has them, so that to go is to ask.

    <repository>/anonymous/           while anybody may read
    <repository>/authenticated-MARK/  while only users may: who was found to be one of them is led here
    <repository>/asked/               always, for those of whom it was asked
        pages                         to the pages
        packages                      to the distributions, where none ever changes under its name,
        overwritten/packages          or where one may
        found                         to what is kept of projects that were found elsewhere
        files                         of a store: to its files
    <repository>/readers              while only users may: to a file for each of them whose password nginx can check
    <repository>/upstream             while names that are unknown here are looked for elsewhere
    <repository>/boards               while anybody may read what boards do

The mark is another one for each list of those who may read, and for each authority that is asked about them. So whoever
was led in under one is not under the next, and the files for one are not those for another: each change closes at
once, and whoever still may is found anew, by the uploader.

nginx is started in the directory that `run/` lies in, and may get at the data only by what lies there, too.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from store.access import may, may_anybody
from store.data import Data
from store.file_store import FILES, FileStore
from store.policy import ANONYMOUS, AUTHENTICATED, Policy
from store.repository import Repository

READERS = "readers"
BOARDS = "boards"
ASKED = "asked"
UPSTREAM = "upstream"
FOUND = "found"


def list_ways(data: Data, served: Repository | FileStore, policy: Policy) -> dict[str, str]:
    """Path below the policy in force → where the link there leads to."""
    leads = _list_leads(data, served, policy)
    is_open, is_closed = may(None, "download", policy), not may_anybody("download", policy)
    who = [] if is_closed else [way_of(None if is_open else "", policy)]  # of open reading no password is asked
    ways = {f"{way}/{name}": path for way in (ASKED, *who) for name, path in leads.items()}
    if who and not is_open:
        ways[READERS] = data.readers_of(served.name) / mark_of(policy)
    if isinstance(served, Repository):
        ways |= _list_open(data, served, policy)
    return {f"{served.name}/{way}": str(path) for way, path in ways.items()}


def _list_leads(data: Data, served: Repository | FileStore, policy: Policy) -> dict[str, Path]:
    if isinstance(served, FileStore):
        return {FILES: _seen(served.directory, data)}
    packages = "overwritten/packages" if policy.overwrite else "packages"
    return {"pages": _seen(served.site, data), packages: _seen(served.packages, data)}


def _list_open(data: Data, repository: Repository, policy: Policy) -> dict[str, Path]:
    """What is there only where the policy says so."""
    ways = {BOARDS: _seen(repository.site, data)} if policy.boards_open else {}
    if policy.upstream and policy.fallback:
        ways |= {UPSTREAM: _seen(data.root, data), f"{ASKED}/{FOUND}": _seen(repository.found, data)}
    return ways


@lru_cache(8)  # it is asked for many times a second
def mark_of(policy: Policy) -> str:
    """What stands for the list of those who may read, and for who says who they are."""
    return sha256(repr((sorted(policy.download), policy.authority)).encode()).hexdigest()[:16]


def way_of(user: str | None, policy: Policy) -> str:
    """The way that this user goes, or that anybody goes."""
    return ANONYMOUS if user is None else f"{AUTHENTICATED}-{mark_of(policy)}"


def _seen(path: Path, data: Data) -> Path:
    """As nginx sees it, by the shortest way that it is given to site/ or data/: every step of it takes time."""
    is_inside = path.is_relative_to(data.root)
    given = data.run.parent / ("data" if is_inside else "site")
    way = given.readlink() if given.is_symlink() else given
    return (way if way.is_absolute() else given) / path.relative_to(data.root if is_inside else data.site)
