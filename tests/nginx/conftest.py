"""Fixtures: nginx alone, for a test that changes its site, or one that a module's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nginx.alone import Site, make_site
from tests.running import free_port


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with make_site(tmp_path, free_port()).serving() as found:
        yield found


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """For tests that only read."""
    with make_site(tmp_path_factory.mktemp("site"), free_port()).serving() as found:
        yield found
