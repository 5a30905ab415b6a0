"""Say what is wrong with users, tokens and policy, without starting anything: `larder check`.

As the programs would say it: in the log, in `/health` and on the page for people. Nothing is changed.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.current import GIVES_NOTHING, read_usable
from store.data import Data
from store.errors import BadDirectory, BadPolicy, shown
from store.file_store import is_called
from store.names import is_ignored
from store.policy import Policies
from store.policy_file import parse_policies
from store.prepare import check_there
from store.repository import DEFAULT, NAME_EXPECTED, is_repository_name
from store.sample import Sample, read_sample
from uploader.auth.htpasswd import Htpasswd, parse_users
from uploader.auth.lines_file import LinesFile, read_lines
from uploader.auth.tokens import Tokens
from uploader.doubts import list_doubts


def list_problems(data: Data) -> Iterator[str]:
    """What cannot be used, a line each."""
    try:
        check_there(data)
    except BadDirectory as error:
        yield str(error)
    yield from _check_lines(data.htpasswd, Htpasswd(data.htpasswd))
    yield from _check_lines(data.tokens, Tokens(data.tokens))
    try:
        policies = _read_policies(data)
    except BadPolicy as error:
        yield f"{data.policy}, {error}; it would not be put in force"
    else:
        yield from (f"{data.policy}, {mistake}; {GIVES_NOTHING}" for mistake in policies.mistakes)


def _check_lines(path: Path, file: LinesFile[Any]) -> Iterator[str]:
    try:
        unusable = file.name_unusable()
    except OSError as error:
        yield f"{path}: {error.strerror}; nobody in it counts"
    else:
        if unusable:
            yield unusable


def list_warnings(data: Data) -> Iterator[str]:
    """What may be meant for later, or is not seen by anybody, a line each."""
    yield from _list_odd_names(data)
    try:
        users, _ = parse_users(read_lines(data.htpasswd))
        policies = _read_policies(data)
    except (OSError, BadPolicy):
        return
    yield from (f"{data.policy}, {doubt}" for doubt in list_doubts(policies, users))
    authority = policies.of(DEFAULT).authority
    if authority and authority.command and not os.access(authority.command[0], os.X_OK):
        yield f"{data.policy}, [authentication]: {authority.command[0]} is no program that can be run"


def _list_odd_names(data: Data) -> Iterator[str]:
    """Directories that could be a repository or a file store, were they called otherwise."""
    for directory, is_right, what in (
        (data.named, is_repository_name, "repository"),
        (data.files, is_called, "file store"),
    ):
        with contextlib.suppress(OSError):
            for path in sorted(directory.iterdir()):
                if not is_ignored(path.name) and not is_right(path.name):
                    name = shown(path.name)
                    yield f"{directory}: {name} is no name of a {what}, so it is not served; expected {NAME_EXPECTED}"


def _read_policies(data: Data) -> Policies:
    """As a new `larder.toml` would be read; all defaults where there is none."""
    sample = read_sample(data.policy)
    return parse_policies(b"") if sample == Sample((), None) else read_usable(sample, None)
