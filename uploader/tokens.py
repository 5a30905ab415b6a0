"""Maintain `.tokens`: `larder token add|remove|list [NAME]`."""

import argparse
import re
from datetime import UTC, datetime, timedelta

from store.data import Data
from store.errors import Refused, shown
from store.explain import explained
from store.file_store import is_called, name_of_store
from store.policy import RIGHTS
from store.repository import DEFAULT, NAME_EXPECTED, is_repository_name
from uploader.auth.lines_file import read_lines
from uploader.auth.tokens import ANY, Token, make_token, parse_tokens, render_token
from uploader.lines import prepare_users, rewrite

LONGEST = 36_500  # days
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


def add_verbs(parser: argparse.ArgumentParser) -> None:
    """Add what can be done with tokens; `run` of the arguments is to be called with the data and them."""
    verbs = parser.add_subparsers(required=True, metavar="add|remove|list")
    add = verbs.add_parser("add", help="make a token, and print it once", description="Its user is __token__.")
    add.add_argument("name", metavar="NAME", help="by which it is listed and removed")
    where = add.add_mutually_exclusive_group()
    where.add_argument("--repository", metavar="R", help=f"the only one it is for; {DEFAULT!r} is that at /")
    where.add_argument("--files", metavar="STORE", help="the only file store it is for")
    for right in RIGHTS:
        add.add_argument(f"--{right}", action="store_true", help=f"it may {right}")
    add.add_argument("--days", metavar="N", type=int, help="it ends with the Nth day from today (UTC)")
    add.set_defaults(run=_add)
    remove = verbs.add_parser("remove", help="have a token count no more, from now on")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)
    verbs.add_parser("list", help="list the tokens: name, repository, rights, last day").set_defaults(run=_list)


def _add(data: Data, arguments: argparse.Namespace) -> None:
    name, place = arguments.name, _read_where(arguments)
    rights = frozenset(right for right in RIGHTS if getattr(arguments, right))
    if not _NAME.fullmatch(name):
        raise Refused(f"{shown(name)} is no name for a token; expected letters, digits and . _ @ + - after the first")
    if not rights:
        expected = ", ".join(f"--{right}" for right in RIGHTS)
        raise Refused(f"this token could do nothing; expected {expected}, or some of these")
    if arguments.days is not None and not 0 < arguments.days <= LONGEST:
        raise Refused(f"--days {arguments.days}; expected 1 to {LONGEST}")
    prepare_users(data)
    if name in {token.name for token in _read(data)}:
        raise Refused(f"there is a token {shown(name)} already; expected another name, or its removal first")
    last = datetime.now(UTC).date() + timedelta(days=arguments.days - 1) if arguments.days else None
    secret, token = make_token(name, place, rights, last)
    rewrite(data.tokens, data, lambda lines: [*lines, render_token(token).encode()])
    print(secret)  # noqa: T201 - this is what was asked for, and the only time that it is said


def _read_where(arguments: argparse.Namespace) -> str:
    """What stands for it in a token."""
    if arguments.files is not None:
        if not is_called(arguments.files):
            raise Refused(f"{shown(arguments.files)} is no name of a file store; expected {NAME_EXPECTED}")
        return name_of_store(arguments.files)
    place = ANY if arguments.repository is None else arguments.repository
    if place not in (ANY, DEFAULT) and not is_repository_name(place):
        raise Refused(f"{shown(place)} is no name of a repository; expected {DEFAULT!r}, or {NAME_EXPECTED}")
    return str(place)


def _remove(data: Data, arguments: argparse.Namespace) -> None:
    names = [token.name for token in _read(data)]
    if arguments.name not in names:
        expected = ", ".join(sorted(names)) or "one that `list` shows; there is none"
        raise Refused(f"{shown(arguments.name)} is no token; expected {expected}")
    prefix = f"{arguments.name}:".encode()
    rewrite(data.tokens, data, lambda lines: [line for line in lines if not line.startswith(prefix)])


def _list(data: Data, _: argparse.Namespace) -> None:
    for token in sorted(_read(data), key=lambda token: token.name):
        last = f"until {token.last}" if token.last else "without end"
        ended = ", ended" if token.has_ended else ""
        rights = ",".join(right for right in RIGHTS if right in token.rights)
        where = token.repository.replace("+", "/")  # as people call a file store
        print(f"{token.name} {where} {rights} {last}{ended}")  # noqa: T201 - this is what was asked for


def _read(data: Data) -> list[Token]:
    with explained(data.tokens, data.root, "read"):
        tokens, _ = parse_tokens(read_lines(data.tokens))
    return tokens
