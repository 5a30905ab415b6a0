"""Say what is wrong with users and policy, without starting anything: `larder check`.

As the programs would say it: in the log, in `/health` and on the page for people. Nothing is changed.
"""

from collections.abc import Iterator

from store.current import GIVES_NOTHING
from store.data import Data
from store.errors import BadPolicy, name_lines
from store.policy import Policies
from store.policy_file import parse_policies
from store.sample import read_sample
from uploader.auth.htpasswd import UNUSABLE, parse_users, read_htpasswd
from uploader.doubts import list_doubts


def list_problems(data: Data) -> Iterator[str]:
    """What cannot be used, a line each."""
    try:
        _, unusable = parse_users(read_htpasswd(data.htpasswd))
    except OSError as error:
        yield f"{data.htpasswd}: {error.strerror}; nobody can give a password"
    else:
        if unusable:
            yield f"{data.htpasswd}, {name_lines(unusable)}: {UNUSABLE}"
    try:
        policies = _read_policies(data)
    except BadPolicy as error:
        yield f"{data.policy}, {error}; it would not be put in force"
    else:
        yield from (f"{data.policy}, {mistake}; {GIVES_NOTHING}" for mistake in policies.mistakes)


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
    return parse_policies(sample.content or b"")
