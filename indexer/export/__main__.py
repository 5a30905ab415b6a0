"""Export a repository: `python -m indexer.export`, behind `scripts/export`."""

import logging
import os
import signal
import sys
from pathlib import Path

from indexer.export.exporting import Exporting
from indexer.export.mirror import Mirror, Round
from indexer.export.request import Request, read_request
from indexer.export.target import claimed
from store.data import Data
from store.errors import BadDirectory, Refused
from store.explain import explained
from store.judged import Judged
from store.log import start_logging
from store.policy import ANONYMOUS
from store.prepare import find_repository
from store.repository import Repository
from store.settings import Settings, read_settings

log = logging.getLogger(__name__)


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
    repository = find_repository(settings.data, request.repository)
    with explained(repository.packages, settings.data.root, "read"):
        next(repository.packages.iterdir(), None)
    start_logging("export", settings.log_level)
    gate = Gate(settings.data, request)
    if why_not := gate.why_not():
        raise Refused(why_not)
    logging.getLogger("indexer").setLevel(logging.WARNING)  # what is made on the way is not what was asked for
    logging.getLogger(Exporting.__module__).setLevel(settings.log_level if request.watches else logging.WARNING)
    with claimed(request.directory, settings.data, repository.name) as target:
        own = _prepare(settings.data, settings.data.copied(repository, Path(os.path.realpath(request.directory))))
        mirror = Mirror(own, target, request.shelf, request.base_url)
        exporting = Exporting(own, settings, request.shelf, mirror, gate.why_not)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: exporting.stop())
        return exporting.run(watches=request.watches)


class Gate:
    """Whether the repository may be exported: whoever comes by a copy can read it."""

    def __init__(self, data: Data, request: Request) -> None:
        self._policy = data.policy
        self._judged = Judged(data)
        self._request = request
        self._problem = ""

    def why_not(self) -> str:
        """Empty where reading is for everybody, or that does not matter. What is wrong with the policy is logged."""
        download = self._judged.read().of(self._request.repository).download
        if self._judged.problem not in ("", self._problem):
            log.warning("%s, %s", self._policy, self._judged.problem)
        self._problem = self._judged.problem
        if self._request.although_closed or ANONYMOUS in download:
            return ""
        what = f"not everybody may read the repository {self._request.repository!r}"
        return f'{self._policy}: {what}; expected download = ["{ANONYMOUS}"], or --although-closed'


def _check_state(data: Data) -> None:
    """Refused where what is learnt of the files cannot be kept."""
    there = next(path for path in (data.state, *data.state.parents) if path.exists())
    if not os.access(there, os.W_OK):
        expected = "LARDER_STATE to name another directory for what is learnt of the files"
        raise Refused(f"{data.state}: uid {os.geteuid()} cannot write here; expected {expected}")


def _prepare(data: Data, copied: Repository) -> Repository:
    """Make the directories that its pages and state lie in, which others could lead elsewhere."""
    _check_state(data)
    for directory in (data.state, copied.state.parent.parent, copied.state.parent, copied.state, copied.site):
        with explained(directory, data.root):
            directory.mkdir(parents=True, exist_ok=True)
            facts = directory.lstat()
        if directory != data.state and (directory.is_symlink() or facts.st_uid != os.geteuid()):
            expected = f"one of uid {os.geteuid()}; LARDER_STATE names another place for it"
            raise BadDirectory(f"{directory}: is no directory of ours; expected {expected}")
    return copied


if __name__ == "__main__":
    sys.exit(main())
