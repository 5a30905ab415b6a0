"""Say what is wrong with users, tokens and policy, without starting anything: `larder check`.

As the programs would say it: in the log, in `/health` and on the page for people. Nothing is changed.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from store.current import GIVES_NOTHING
from store.data import Data
from store.errors import BadPolicy, name_lines
from store.policy import Policies
from store.policy_file import parse_policies
from store.sample import read_sample
from uploader.auth import htpasswd, tokens
from uploader.auth.htpasswd import parse_users, read_htpasswd
from uploader.auth.tokens import parse_tokens
from uploader.doubts import list_doubts


def list_problems(data: Data) -> Iterator[str]:
    """What cannot be used, a line each."""
    if not data.root.is_dir():
        yield f"{data.root}: there is no such directory; expected the data directory of a Larder"
    yield from _check_lines(data.htpasswd, lambda content: parse_users(content)[1], htpasswd.UNUSABLE)
    yield from _check_lines(data.tokens, lambda content: parse_tokens(content)[1], tokens.UNUSABLE)
    try:
        policies = _read_policies(data)
    except BadPolicy as error:
        yield f"{data.policy}, {error}; it would not be put in force"
    else:
        yield from (f"{data.policy}, {mistake}; {GIVES_NOTHING}" for mistake in policies.mistakes)


def _check_lines(path: Path, list_unusable: Callable[[bytes], list[int]], why: str) -> Iterator[str]:
    try:
        unusable = list_unusable(read_htpasswd(path))
    except OSError as error:
        yield f"{path}: {error.strerror}; nobody in it counts"
    else:
        if unusable:
            yield f"{path}, {name_lines(unusable)}: {why}"


def list_warnings(data: Data) -> Iterator[str]:
    """What may be meant for later, a line each."""
    try:
        users, _ = parse_users(read_htpasswd(data.htpasswd))
        policies = _read_policies(data)
    except (OSError, BadPolicy):
        return
    yield from (f"{data.policy}, {doubt}" for doubt in list_doubts(policies, users))


def _read_policies(data: Data) -> Policies:
    """As a new `larder.toml` would be read; all defaults where there is none."""
    sample = read_sample(data.policy)
    if sample.content is None and sample.reason:
        raise BadPolicy(sample.reason)
    if sample.content is not None and not sample.content.strip():
        raise BadPolicy("it is empty")
    return parse_policies(sample.content or b"")
