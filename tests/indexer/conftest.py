"""What every test of this room leaves behind is closed."""

from collections.abc import Iterator
from typing import Any

import pytest

from indexer.state import State


@pytest.fixture(autouse=True)
def _close_states(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[State] = []
    create = State.__init__

    def remember(self: State, *arguments: Any) -> None:
        opened.append(self)
        create(self, *arguments)

    monkeypatch.setattr(State, "__init__", remember)
    yield
    for state in opened:
        state.close()
