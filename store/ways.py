"""The ways by which nginx reads a repository: there only while the policy in force has them, so that to go is to ask.

    <repository>/anonymous/      while anybody may read
    <repository>/authenticated/  while users may, but not anybody: who was found to be one is led here
    <repository>/asked/          always, for those of whom it was asked
        pages                    to the pages
        packages                 to the distributions, where none ever changes under its name,
        overwritten/packages     or where one may
    <repository>/readers         while users may, but not anybody: one file for each whose password nginx can check

nginx is started in the directory that `run/` lies in, and may get at the data only by what lies there, too.
"""

from pathlib import Path

from store.data import Data
from store.policy import ANONYMOUS, AUTHENTICATED, Policy
from store.repository import Repository

READERS = "readers"
ASKED = "asked"


def list_ways(data: Data, repository: Repository, policy: Policy) -> dict[str, str]:
    """Path below the policy in force → where the link there leads to."""
    leads = {"pages": _seen(repository.site, data)}
    leads["overwritten/packages" if policy.overwrite else "packages"] = _seen(repository.packages, data)
    ways = {f"{who}/{name}": path for who in (ASKED, *_list_who(policy)) for name, path in leads.items()}
    if AUTHENTICATED in _list_who(policy):
        ways[READERS] = data.readers
    return {f"{repository.name}/{way}": str(path) for way, path in ways.items()}


def way_of(user: str | None) -> str:
    """The way that this user goes, or that anybody goes."""
    return ANONYMOUS if user is None else AUTHENTICATED


def _list_who(policy: Policy) -> list[str]:
    """Where anybody may read nobody is asked for a password."""
    return [who for who in (ANONYMOUS, AUTHENTICATED) if who in policy.download][:1]


def _seen(path: Path, data: Data) -> Path:
    """As nginx sees it, by the shortest way that it is given to site/ or data/: every step of it takes time."""
    is_inside = path.is_relative_to(data.root)
    given = data.run.parent / ("data" if is_inside else "site")
    way = given.readlink() if given.is_symlink() else given
    return (way if way.is_absolute() else given) / path.relative_to(data.root if is_inside else data.site)
