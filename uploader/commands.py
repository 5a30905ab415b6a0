"""The commands for people: `python -m uploader.commands`, behind `scripts/larder`; `larder` in the containers."""

import argparse
import os
import subprocess
import sys
from typing import Any

import shtab

from store import VERSION
from store.data import Data
from store.errors import Refused
from store.settings import read_settings
from uploader import keeping, tokens, users
from uploader.check import list_problems, list_warnings
from uploader.upstream.verify import find_damaged

REFUSED, WRONG = 1, 2  # exit codes: what was asked for cannot be done; what was checked has to be mended


def main() -> int:
    arguments = _parse_arguments()
    try:
        data = read_settings(options={"LARDER_DATA": ("--data", arguments.data)}).data
        return int(arguments.run(data, arguments) or 0)
    except (Refused, KeyboardInterrupt) as error:
        print(f"larder: {str(error) or 'interrupted'}", file=sys.stderr)  # noqa: T201
        return REFUSED
    except BrokenPipeError:  # nobody reads on
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - what is left is written there at the end
        return REFUSED


_VERIFY = "A line for each thing that is wrong; exits 1 where there is one. It may take as long as the first indexing."


class _Parser(argparse.ArgumentParser):
    """Takes no abbreviations, nor do its verbs: one of `--for-real` might be a slip."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - whatever the other one takes
        super().__init__(**options, allow_abbrev=False)


def _parse_arguments() -> argparse.Namespace:
    parser = _Parser(prog="larder", description="What people do with a Larder beside its files.")
    parser.add_argument("--version", action="version", version=f"larder {VERSION}")
    parser.add_argument("--data", metavar="DIR", help="the data directory; LARDER_DATA says it too")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    users.add_verbs(commands.add_parser("user", help="add, remove and list users"))
    tokens.add_verbs(commands.add_parser("token", help="add, remove and list tokens, for programs"))
    keeping.add_verbs(commands.add_parser)
    check = commands.add_parser(
        "check", help="say what is wrong with users and policy", description="Exits 2 where something is to be mended."
    )
    check.set_defaults(run=_check)
    verify = commands.add_parser("verify", help="compare every file and page with everything", description=_VERIFY)
    verify.add_argument("--repair", action="store_true", help="remove derived files that are wrong: they are made anew")
    verify.set_defaults(run=_verify)
    completion = commands.add_parser("completion", help="print what a shell needs to complete these commands")
    completion.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, metavar="|".join(shtab.SUPPORTED_SHELLS))
    completion.set_defaults(run=lambda _, arguments: print(shtab.complete(parser, arguments.shell)))  # noqa: T201
    return parser.parse_args()


def _check(data: Data, _: argparse.Namespace) -> int:
    problems = list(list_problems(data))
    for line in (*problems, *(f"{warning} (a warning)" for warning in list_warnings(data))):
        print(line)  # noqa: T201 - this is what was asked for
    return WRONG if problems else 0


def _verify(data: Data, arguments: argparse.Namespace) -> int:
    """Users, policy and what is kept of upstreams here; files and pages by the program that makes pages."""
    problems = list(list_problems(data))
    for path, reason in find_damaged(data):
        problems.append(f"{path}: {reason}")
        if arguments.repair:
            path.unlink(missing_ok=True)
            problems.append(f"{path}: removed, to be fetched anew")
    for line in problems:
        print(line, flush=True)  # noqa: T201 - this is what was asked for
    command = [sys.executable, "-P", "-m", "indexer.verify", "--data", str(data.root)]
    done = subprocess.run([*command, *(["--repair"] if arguments.repair else [])], check=False)
    return done.returncode or int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
