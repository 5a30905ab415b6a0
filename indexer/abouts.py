"""What projects say of themselves, as far as pages show it that are not their own. No disk."""

from collections.abc import Iterable

from indexer.model import ProjectDetail
from indexer.pages.catalogue import Entry
from indexer.pages.people import About
from indexer.state import State

SCHEMA = (
    """create table about (
    project text primary key, version text not null, summary text not null,
    at integer not null -- when a file, or what lies beside it, came last
) strict, without rowid""",
    # SQLite's quick_check takes columns in another order than that of the primary key for damage
    "create table needs (need text, project text, primary key (need, project)) strict, without rowid",
    "create index needs_of_projects on needs (project)",
)
FAR = (1 << 63) - 1  # as far as SQLite counts


class Abouts:
    """Of one repository."""

    def __init__(self, state: State) -> None:
        self._state = state

    def note(self, detail: ProjectDetail, about: About) -> bool:
        """Keep it; whether nothing was known of the project before."""
        known = self._state.one("select 1 from about where project = ?", detail.name)
        at = min(max(file.changed_ns for file in detail.files), FAR)
        self._state.write("replace into about values (?, ?, ?, ?)", [(detail.name, about.version, about.summary, at)])
        self._state.write("delete from needs where project = ?", [(detail.name,)])
        self._state.write("insert into needs values (?, ?)", [(need, detail.name) for need in about.needs])
        return known is None

    def forget(self, project: str) -> None:
        self._state.write("delete from about where project = ?", [(project,)])
        self._state.write("delete from needs where project = ?", [(project,)])

    def needs(self, project: str) -> list[str]:
        """The projects that its latest release needs, whatever for."""
        return _firsts(self._state.all("select need from needs where project = ? order by need", project))

    def dependents(self, project: str) -> list[str]:
        """The projects that need it."""
        return _firsts(self._state.all("select project from needs where need = ?", project))

    def entries(self, projects: Iterable[str]) -> list[Entry]:
        """What the catalogue says of each of these."""
        known = self._state.all("select project, version, summary, at from about")
        entries = {row[0]: Entry(*row) for row in known}
        return [entries.get(project) or Entry(project) for project in projects]


def _firsts(rows: Iterable[tuple[str]]) -> list[str]:
    return [first for (first,) in rows]
