"""Fixtures: an uploader of one's own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.uploader.room import Room, serving


@pytest.fixture
def room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Room]:
    """An uploader with one user and the default policy."""
    caplog.set_level("INFO")
    with serving(Room(tmp_path / "room")) as found:
        yield found


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """An uploader for tests that leave no trace."""
    with serving(Room(tmp_path_factory.mktemp("shared") / "room")) as found:
        yield found


@pytest.fixture
def open_room() -> Iterator[Room]:
    """An uploader whose directory others can pass, too."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with serving(Room(Path(name) / "room")) as found:
            yield found
