"""Whether uploads and indexing work, said in one line."""

import asyncio
import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from store.access import Action, may_anybody
from store.current import read_in_force
from store.data import Data
from store.errors import Refused, name_lines
from store.explain import explain
from store.file_store import FileStore, is_store_name
from store.heartbeat import ALIVE, UNSTEADY, read_heartbeat
from store.policy import Policies
from store.prepare import check_writable
from store.repository import Repository
from uploader.answers import answer
from uploader.auth.elsewhere import Elsewhere
from uploader.auth.htpasswd import parse_users
from uploader.auth.lines_file import read_lines
from uploader.doubts import Unusable, list_doubts
from uploader.upstream.fallback import Fallback

CHANGES: tuple[Action, ...] = ("upload", "delete")
LITTLE = 1 << 20  # bytes: with less left a disk counts as full


@dataclass(frozen=True)
class Health:
    """Of one data directory, of the users from elsewhere, and of the indexes that others are looked up in."""

    data: Data
    elsewhere: Elsewhere
    fallback: Fallback

    async def answer(self, request: web.Request) -> web.Response:
        """200, with what a person should know of; 503 with everything that is in the way."""
        faults, notes = await asyncio.to_thread(examine, self.data)
        if self.elsewhere.problem:
            notes.append("users from elsewhere cannot be checked; the log says why")
        policies = read_in_force(self.data)
        if policies and self.fallback.problems(policies):
            notes.append("an upstream cannot be asked, so what is kept of it has to do; the log says why")
        if faults:
            return answer(request, 503, "; ".join(faults))
        return answer(request, 200, f"ok, but {'; '.join(notes)}" if notes else "ok")


def examine(data: Data) -> tuple[list[str], list[str]]:
    """What keeps uploads or indexing from working, and what a person should know of besides."""
    policies = read_in_force(data)
    faults = [*_check_storage(data, policies), *_check_users(data)]
    if policies is None:
        faults.append("the indexer has not said yet which policy is in force; until then nothing can be uploaded")
    heartbeat, age = read_heartbeat(data)
    if heartbeat.stopped:
        faults.append("the indexer was stopped; uploads are stored but not listed")
    elif age > ALIVE:
        since = "ever" if age == float("inf") else f"for {age:.0f} s"
        faults.append(f"no sign of the indexer {since}; uploads are stored but not listed")
    elif heartbeat.is_unsteady:
        faults.append(
            f"the indexer was started {len(heartbeat.starts)} times in the last {UNSTEADY / 60:.0f} minutes "
            "without having been stopped; its log says why"
        )
    return [*faults, *heartbeat.faults], [*heartbeat.notes, *_note_doubts(data)]


def _check_storage(data: Data, policies: Policies | None) -> Iterator[str]:
    served: list[Repository | FileStore] = [data.default]
    for directory, find in ((data.named, data.repositories), (data.files, data.file_stores)):
        try:
            served += find()
        except OSError as error:
            yield explain(directory, data.root, error, "read")
    missing = policies.by_name.keys() - {each.name for each in served} if policies else set()
    for directory in {data.files if is_store_name(name) else data.named for name in missing}:
        yield from _check_place(directory, data.root)  # where those are made that the policy names
    for name in dict.fromkeys(each.name for each in served):
        if not is_store_name(name) or _is_written(policies, name):
            yield from _check_place(data.directory_of(name), data.root)


def _is_written(policies: Policies | None, name: str) -> bool:
    """Whether there can be anybody who may change what is in there: files that are only read may lie anywhere."""
    return policies is None or any(may_anybody(action, policies.of(name)) for action in CHANGES)


def _check_place(directory: Path, root: Path) -> Iterator[str]:
    try:
        check_writable((directory,), root)
        facts = os.statvfs(directory)
    except Refused as error:
        yield str(error)
    except OSError as error:
        yield explain(directory, root, error)
    else:
        if facts.f_bavail * facts.f_frsize < LITTLE or (facts.f_files and facts.f_favail == 0):
            yield f"the disk of {directory} is full"


def _check_users(data: Data) -> Iterator[str]:
    for file in (data.htpasswd, data.tokens):
        try:
            read_lines(file)
        except OSError as error:
            yield explain(file, data.root, error, "read")


def _note_doubts(data: Data) -> Iterator[str]:
    """In which lines of users, tokens and policy; not who is named there, for anybody may ask."""
    users: Mapping[str, bytes] = {}
    with contextlib.suppress(OSError):
        users, _ = parse_users(read_lines(data.htpasswd))
    yield from Unusable(data).list()
    policies = read_in_force(data)
    doubts = list_doubts(policies, users) if policies else []
    if doubts:
        lines = name_lines(doubt.line for doubt in doubts)
        yield f"{data.policy}, {lines}: a user or group that there is not; the log says which"
