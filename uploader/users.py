"""Maintain `.htpasswd`: `python -m uploader.users add|remove|list [NAME]`, behind `scripts/user`."""

import argparse
import getpass
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from store.errors import Refused
from store.layout import Layout, prepare
from uploader.credentials import FORMATS, read_users


def main() -> int:
    arguments = _parse_arguments()
    layout = Layout(arguments.data.absolute())
    try:
        prepare(layout)
        arguments.run(layout.htpasswd, arguments)
    except Refused as error:
        print(f"user: {error}", file=sys.stderr)  # noqa: T201 - a command speaks to a person
        return 1
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/user", description="Who may upload, and read where reading is closed."
    )
    default = Path(os.environ.get("LARDER_DATA", "data"))
    parser.add_argument("--data", type=Path, default=default, metavar="DIR", help=f"the data directory ({default})")
    verbs = parser.add_subparsers(required=True, metavar="add|remove|list")
    add = verbs.add_parser("add", help="add a user, or give one a new password")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--stdin", action="store_true", help="read the password from standard input")
    add.set_defaults(run=_add)
    remove = verbs.add_parser("remove", help="remove a user")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)
    verbs.add_parser("list", help="list the users").set_defaults(run=_list)
    return parser.parse_args()


def _add(htpasswd: Path, arguments: argparse.Namespace) -> None:
    name = arguments.name
    if not name.isascii() or not name.isprintable() or ":" in name or not name.strip() or name.startswith("#"):
        raise Refused(f"{name!r} is no user name; expected printable ASCII without ':'")
    hashed = FORMATS.hash(_read_password(from_stdin=arguments.stdin))
    _rewrite(htpasswd, lambda lines: [*_without(lines, name), f"{name}:{hashed}"])


def _remove(htpasswd: Path, arguments: argparse.Namespace) -> None:
    if arguments.name not in read_users(htpasswd):
        raise Refused(f"{arguments.name!r} is no user; expected one of {sorted(read_users(htpasswd))}")
    _rewrite(htpasswd, lambda lines: _without(lines, arguments.name))


def _list(htpasswd: Path, _: argparse.Namespace) -> None:
    for name in sorted(read_users(htpasswd)):
        print(name)  # noqa: T201 - this is what was asked for


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise Refused("the two passwords differ; expected the same twice")
    if not password.isascii() or not password.isprintable() or not password:
        raise Refused("this password would not reach every client unharmed; expected printable ASCII, not empty")
    return password


def _without(lines: list[str], name: str) -> list[str]:
    return [line for line in lines if line.partition(":")[0] != name]


def _rewrite(htpasswd: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Replace the file in one step, with owner and mode as they were: nginx reads it at any time."""
    facts = htpasswd.stat()
    lines = change(htpasswd.read_text(encoding="utf-8", errors="surrogateescape").splitlines())
    descriptor, name = tempfile.mkstemp(prefix=".htpasswd-", dir=htpasswd.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        os.fchmod(descriptor, facts.st_mode & 0o777)
        if os.geteuid() == 0:
            os.fchown(descriptor, facts.st_uid, facts.st_gid)
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(descriptor)
    Path(name).replace(htpasswd)


if __name__ == "__main__":
    sys.exit(main())
