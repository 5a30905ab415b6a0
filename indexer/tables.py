"""Every table of what is known of one repository: what is kept, and what passes."""

import os

from indexer import abouts, comparison, learnt, manifest, people, publish, rows, unread
from indexer.state import State
from store.repository import Repository

SCHEMA = (*rows.SCHEMA, *manifest.SCHEMA, *publish.SCHEMA, *people.SCHEMA, *abouts.SCHEMA)
PASSING = (*learnt.PASSING, *comparison.PASSING, *unread.PASSING)


def read_unread(state: State) -> dict[str, str]:
    """Paths of what could not be read, and why: what a passing fault keeps from being known."""
    found = state.all("select path, text from files where kind = 'passing'")
    return {os.fsdecode(path): reason for path, reason in found}


def open_state(repository: Repository) -> State:
    """All that is known of the repository, as far as it was kept."""
    return State(repository.index, SCHEMA, PASSING)
