"""Every table of what is known of one repository: what is kept, and what passes."""

from indexer import abouts, comparison, learnt, manifest, people, publish, rows, unread
from indexer.state import State
from store.repository import Repository

SCHEMA = (*rows.SCHEMA, *manifest.SCHEMA, *publish.SCHEMA, *people.SCHEMA, *abouts.SCHEMA)
PASSING = (*learnt.PASSING, *comparison.PASSING, *unread.PASSING)


def open_state(repository: Repository) -> State:
    """All that is known of the repository, as far as it was kept."""
    return State(repository.index, SCHEMA, PASSING)
