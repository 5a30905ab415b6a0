"""Fixtures: a Larder of one's own, or one that a module's tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import Larder, free_port, running_in

Start = Callable[..., Larder]


@pytest.fixture
def start_larder(tmp_path: Path) -> Iterator[Start]:
    """Start a Larder on `tmp_path/data`, or another directory; stopped at the end."""
    started: list[Larder] = []

    def start(data: Path | None = None, *, healthy: bool = True, **environment: str) -> Larder:
        found = Larder(data or tmp_path / "data", free_port(), tmp_path / f"log-{len(started)}", environment)
        started.append(found)
        found.start(healthy=healthy)
        return found

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def larder(start_larder: Start) -> Larder:
    """A Larder with one user."""
    found = start_larder()
    found.add_user()
    return found


@pytest.fixture(scope="module")
def shared_larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """A Larder with one user, for tests that do not get in each other's way."""
    place = tmp_path_factory.mktemp("shared")
    with running_in(place) as found:
        found.add_user()
        yield found
