"""Export a repository: `python -m indexer.export`, behind `scripts/export`."""

import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path

from indexer.export.exporting import Exporting
from indexer.export.mirror import Mirror, Round
from indexer.export.request import Request, read_request
from indexer.export.target import claimed
from store.current import Judged
from store.data import Data
from store.errors import BadDirectory, Refused, shown
from store.explain import explained
from store.log import start_logging
from store.policy import ANONYMOUS
from store.repository import Repository
from store.settings import Settings, read_settings


def main() -> int:
    """0 where all of it lies there, 1 where something does not, or nothing can."""
    os.umask(0o022)  # what is written is for a web server to read
    try:
        request = read_request()
        settings = read_settings(options={"LARDER_DATA": ("--data", request.data)})
        done = _export(request, settings)
    except (Refused, KeyboardInterrupt) as error:
        print(f"export: {str(error) or 'interrupted'}", file=sys.stderr)  # noqa: T201 - a command speaks to a person
        return 1
    print(f"{request.directory}: wrote {done.written} files, removed {done.removed}")  # noqa: T201
    return 1 if done.problems and not request.watches else 0  # one that stays was asked to stop


def _export(request: Request, settings: Settings) -> Round:
    repository = _find_repository(settings.data, request.repository)
    why_not = partial(_why_not, settings.data, request, Judged(settings.data))
    if reason := why_not():
        raise Refused(reason)
    start_logging("export", settings.log_level)
    logging.getLogger("indexer").setLevel(logging.WARNING)  # what is made on the way is not what was asked for
    logging.getLogger(Exporting.__module__).setLevel(settings.log_level if request.watches else logging.WARNING)
    with claimed(request.directory, settings.data) as target:
        own = _prepare(settings.data, settings.data.copied(repository, Path(os.path.realpath(request.directory))))
        mirror = Mirror(own, target, request.shelf, request.base_url)
        exporting = Exporting(own, settings, request.shelf, mirror, why_not)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: exporting.stop())
        return exporting.run(watches=request.watches)


def _find_repository(data: Data, name: str) -> Repository:
    """Refused where there is none to be exported."""
    with explained(data.root, data.root, "read"):
        known = {repository.name: repository for repository in data.repositories()}
    if name not in known:
        raise Refused(f"--repository={shown(name)}; expected one of {', '.join(known)}")
    with explained(known[name].packages, data.root, "read"):
        next(known[name].packages.iterdir(), None)
    return known[name]


def _why_not(data: Data, request: Request, judged: Judged) -> str:
    """Whoever comes by a copy can read it, so not where reading is not for everybody, unless that was said."""
    if request.although_closed or ANONYMOUS in judged.read().of(request.repository).download:
        return ""
    expected = f'download = ["{ANONYMOUS}"], or --although-closed'
    return f"{data.policy}: not everybody may read the repository {request.repository!r}; expected {expected}"


def _prepare(data: Data, copied: Repository) -> Repository:
    """Make the directories that its pages and state lie in, which others could lead elsewhere."""
    for directory in (data.state, copied.state.parent.parent, copied.state.parent, copied.state, copied.site):
        with explained(directory, data.root):
            directory.mkdir(parents=True, exist_ok=True)
            facts = directory.lstat()
        if directory != data.state and (directory.is_symlink() or facts.st_uid != os.geteuid()):
            raise BadDirectory(f"{directory}: expected a directory of uid {os.geteuid()}; remove it, it is disposable")
    return copied


if __name__ == "__main__":
    sys.exit(main())
