"""How a project is, as a person writes it into a file."""

import pytest

from store.errors import BadName
from store.status import BYTES, LIMIT, SUFFIX, Status, parse_status, project_of_status


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"archived", Status("archived", "")),
        (b"  Deprecated:\n  use other-thing\n  instead\n", Status("deprecated", "use other-thing instead")),
        (b"quarantined it phones home", Status("quarantined", "it phones home")),
        (b"active\n", Status("active", "")),
        (b"archived \xff\n", Status("archived", "\ufffd")),
        (b"archived " + b"x " * BYTES, Status("archived", ("x " * LIMIT)[:LIMIT].rstrip())),
    ],
)
def test_the_first_word_is_the_status_and_the_rest_is_why(content: bytes, status: Status) -> None:
    assert parse_status(content) == status


@pytest.mark.parametrize("content", [b"", b"\n", b"archvied", b"it is archived", b"\x00", b"archived,"])
def test_any_other_word_is_refused(content: bytes) -> None:
    with pytest.raises(BadName, match="expected active, archived, deprecated, quarantined, and then why"):
        parse_status(content)


@pytest.mark.parametrize("path", ["my-demo", "sub/demo", "My_Demo", "demo.", ".demo", "-", "x" * 300])
def test_only_one_place_is_the_one_where_it_counts(path: str) -> None:
    if path == "my-demo":
        assert project_of_status(path + SUFFIX) == path
    else:
        with pytest.raises(BadName):
            project_of_status(path + SUFFIX)
