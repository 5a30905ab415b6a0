"""Raw files, as nginx has the uploader see to them: what no client can be made to send, and disks that refuse."""

import errno
import os

import pytest

from tests.uploader.room import AUTH, Room
from uploader.files import disk


@pytest.fixture
def store(room: Room) -> Room:
    for called in ("data", "other"):
        (room.data.file_store(called).directory / "sub").mkdir(parents=True)
    return room


@pytest.mark.parametrize(
    ("path", "repository", "status"),
    [
        ("/files/data/", "files+data", 200),
        ("/files/data/sub", "files+data", 302),
        ("/files/data/", "files+other", 404),
        ("/files/data/", "default", 404),
        ("/files/data/../other/", "files+data", 404),
        ("/files/none/", "files+none", 404),
        ("#/data/sub/", "files+other", 404),
        ("", "files+data", 404),
    ],
)
def test_a_store_is_listed_where_its_rights_were_looked_at_and_nowhere_else(
    store: Room, path: str, repository: str, status: int
) -> None:
    headers = {"X-Larder-Path": path, "X-Larder-Repository": repository}
    assert store.request("GET", "/.files", headers=headers).status == status


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EIO, 503), (errno.ENOTDIR, 409)])
def test_a_disk_that_refuses_leaves_nothing_and_is_said(
    store: Room, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk, "place_bytes", refuse)
    before = sorted(store.data.files.rglob("*"))
    answer = store.request("PUT", "/files/data/new/deep/x", b"x", AUTH)
    assert (answer.status, answer.text.count("\n")) == (status, 1)
    assert sorted(store.data.files.rglob("*")) == before


def test_a_file_without_a_length_is_refused(store: Room) -> None:
    head = b"PUT /files/data/x HTTP/1.0\r\nHost: x\r\nAuthorization: " + AUTH["Authorization"].encode() + b"\r\n\r\n"
    assert store.send(head).status == 411
