"""Copy a release to another repository, and remove old ones: `larder copy` and `larder prune`."""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable

from store.data import Data
from store.errors import Refused, shown
from store.explain import explained
from store.judged import Judged
from store.names import Release
from store.prepare import find_repository
from store.repository import DEFAULT, Repository
from store.text import render_size
from uploader.answers import HttpRefusal
from uploader.change.copying import Copied, copy_release
from uploader.change.pruning import Doomed, Pruning, remove_doomed
from uploader.change.rule import read_named, read_rule

_COPY = "Its files are linked, compared with what their pages say, and taken by the rules of TO."
_PRUNE = (
    "Of each project the newest N versions stay, with the one that installers take, whatever is not older than D days, "
    "what is yanked, and what is named. Only with --for-real is anything removed."
)


def add_verbs(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add both commands; `run` of the arguments is to be called with the data and them."""
    copy = add_parser("copy", help="copy a release to another repository", description=_COPY)
    copy.add_argument("release", metavar="NAME==VERSION")
    copy.add_argument("source", metavar="FROM", help=f"a repository; {DEFAULT!r} is that at /")
    copy.add_argument("target", metavar="TO")
    copy.set_defaults(run=_copy)
    prune = add_parser("prune", help="say which old releases may go, or remove them", description=_PRUNE)
    prune.add_argument("--repository", metavar="NAME", default=DEFAULT, help="another one than that at /")
    prune.add_argument("--keep", metavar="N", required=True, help="how many versions of each project stay")
    prune.add_argument("--days", metavar="D", default="0", help="what is not older stays, too")
    prune.add_argument(
        "--except",
        metavar="NAME[==VERSION]",
        action="append",
        default=[],
        dest="named",
        help="it stays; again for more",
    )
    prune.add_argument("--for-real", action="store_true", help="remove it")
    prune.set_defaults(run=_prune)


def _copy(data: Data, arguments: argparse.Namespace) -> None:
    os.umask(0o022)  # what is written is for the programs to read
    source, target = _find_listed(data, arguments.source), find_repository(data, arguments.target)
    named = read_named(arguments.release)
    if named.version is None:
        raise Refused(f"{shown(arguments.release)}; expected NAME==VERSION")
    if source == target:
        raise Refused(f"{shown(target.name)} is where it is; expected another repository")
    policy = Judged(data).read().of(target.name)
    try:
        with explained(target.packages, data.root):
            copy_release(source, target, Release(named.project, named.version), policy, _say)
    except HttpRefusal as error:
        raise Refused(str(error)) from error


def _say(copied: Copied) -> None:
    with contextlib.suppress(BrokenPipeError):  # it is there all the same
        print(f"{copied.original.path.name}: {copied.outcome.value}", flush=True)  # noqa: T201 - what was asked for


def _prune(data: Data, arguments: argparse.Namespace) -> int:
    os.umask(0o022)
    repository = _find_listed(data, arguments.repository)
    rule = read_rule(arguments.keep, arguments.days, arguments.named)
    with explained(repository.projects, data.root, "read"):
        pruning = Pruning(repository, rule, time.time())
    failed, gone = 0, list[Doomed]()
    for each in (doomed for project in pruning.projects for doomed in pruning.find(project)):
        try:
            if arguments.for_real and not (pruning.is_doomed(each) and remove_doomed(repository, each)):
                continue  # others were quicker
        except OSError as error:
            failed += 1
            print(f"larder: {shown(str(each.path))} is not removed: {error.strerror}", file=sys.stderr)  # noqa: T201
            continue
        gone.append(each)
        print(each, flush=True)  # noqa: T201
    what = "removed" if arguments.for_real else "would be removed; --for-real removes them"
    print(f"{len(gone)} files, {render_size(sum(each.file.size for each in gone))}, {what}")  # noqa: T201
    return int(failed > 0)


def _find_listed(data: Data, name: str) -> Repository:
    """One that has pages, for what these say is gone by."""
    repository = find_repository(data, name)
    if not repository.overview.is_dir():
        raise Refused(f"{repository.site}: there are no pages of {name!r} yet; expected those that Larder makes")
    return repository
