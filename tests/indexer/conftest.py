"""What every test of this room leaves behind is closed."""

from collections.abc import Iterator
from typing import Any

import pytest

from indexer.database import Database


@pytest.fixture(autouse=True)
def _close_databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[Database] = []
    create = Database.__init__

    def remember(self: Database, *arguments: Any) -> None:
        opened.append(self)
        create(self, *arguments)

    monkeypatch.setattr(Database, "__init__", remember)
    yield
    for database in opened:
        database.close()
