"""Maintain `.htpasswd`: `python -m uploader.users add|remove|list [NAME]`, behind `scripts/user`."""

import argparse
import getpass
import os
import sys
import warnings

from store import VERSION
from store.data import Data
from store.errors import Refused, shown
from store.explain import explained
from store.policy import is_user_name
from store.settings import read_settings
from uploader.auth import tokens
from uploader.auth.hashes import hash_password
from uploader.auth.htpasswd import parse_users
from uploader.auth.lines_file import read_lines
from uploader.lines import prepare_users, rewrite

PASSWORD_LIMIT = 4000  # bytes; what nginx takes in a header is not much more


def main() -> int:
    arguments = _parse_arguments()
    try:
        data = read_settings(options={"LARDER_DATA": ("--data", arguments.data)}).data
        arguments.run(data, arguments)
    except (Refused, KeyboardInterrupt) as error:
        print(f"user: {str(error) or 'interrupted; nothing was changed'}", file=sys.stderr)  # noqa: T201 - to a person
        return 1
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/user", description="Who has a password; what each may do is in larder.toml."
    )
    parser.add_argument("--version", action="version", version=f"larder {VERSION}")
    parser.add_argument("--data", metavar="DIR", help="the data directory; LARDER_DATA says it too")
    add_verbs(parser)
    return parser.parse_args()


def add_verbs(parser: argparse.ArgumentParser) -> None:
    """Add what can be done with users; `run` of the arguments is to be called with the data and them."""
    verbs = parser.add_subparsers(required=True, metavar="add|remove|list")
    add = verbs.add_parser("add", help="add a user, or give one a new password")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--stdin", action="store_true", help="read the password from standard input")
    add.set_defaults(run=_add)
    remove = verbs.add_parser("remove", help="remove a user")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)
    verbs.add_parser("list", help="list the users").set_defaults(run=_list)


def _add(data: Data, arguments: argparse.Namespace) -> None:
    prepare_users(data)
    name = arguments.name
    if not name.isascii() or not name.isprintable() or ":" in name or not name.strip() or name.startswith("#"):
        raise Refused(f"{shown(name)} is no user name; expected printable ASCII without ':'")
    if name.encode() == tokens.USER:
        raise Refused(f"{shown(name)} is the user of all tokens; expected another name, or `larder token add`")
    if not is_user_name(name):
        raise Refused(
            f"{shown(name)} could not be named in larder.toml; expected no word of its own, and no '@' in front"
        )
    line = f"{name}:{hash_password(_read_password(from_stdin=arguments.stdin))}"
    rewrite(data.htpasswd, data, lambda lines: [*_without(lines, name), line.encode()])


def _remove(data: Data, arguments: argparse.Namespace) -> None:
    prepare_users(data)
    if arguments.name not in _names(data):
        expected = ", ".join(map(shown, _names(data))) or "one that `list` shows; there is none"
        raise Refused(f"{shown(arguments.name)} is no user; expected one of {expected}")
    rewrite(data.htpasswd, data, lambda lines: _without(lines, arguments.name))


def _list(data: Data, _: argparse.Namespace) -> None:
    prepare_users(data)
    for name in _names(data):
        print(name if name.isprintable() else shown(name))  # noqa: T201 - this is what was asked for


def _names(data: Data) -> list[str]:
    with explained(data.htpasswd, data.root, "read"):
        users, _ = parse_users(read_lines(data.htpasswd))
    return sorted(users)


def _read_password(*, from_stdin: bool) -> str:
    password = _read_line() if from_stdin else _ask()
    if not password.isascii() or not password.isprintable() or not 0 < len(password) <= PASSWORD_LIMIT:
        raise Refused(
            "this password would not reach every client unharmed; "
            f"expected printable ASCII, 1 to {PASSWORD_LIMIT} characters"
        )
    return password


def _read_line() -> str:
    return sys.stdin.buffer.readline(PASSWORD_LIMIT + 3).decode("utf-8", "replace").rstrip("\r\n")


def _ask() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)  # that what is typed would be seen
        try:
            password = getpass.getpass("Password: ")
            again = getpass.getpass("Again: ")
        except (getpass.GetPassWarning, EOFError) as error:
            raise Refused("no terminal to ask for the password; expected one, or --stdin") from error
    if again != password:
        raise Refused("the two passwords differ; expected the same twice")
    return password


def _without(lines: list[bytes], name: str) -> list[bytes]:
    return [line for line in lines if line.partition(b":")[0] != os.fsencode(name)]


if __name__ == "__main__":
    sys.exit(main())
