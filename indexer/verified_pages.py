"""Pages held against what they are made from, and against what was written: for whoever verifies a repository."""

import contextlib
import gzip
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from indexer.forms import digest_page
from indexer.manifest import LINK, Written, parse_files
from indexer.model import Care, ProjectDetail
from indexer.pages import KINDS, PEOPLE, Kind, list_companions, people
from indexer.people import MEMORY
from indexer.portray import SECONDS
from indexer.rows import marks
from store.archive.budget import due
from store.names import SIDECARS
from store.repository import CATALOGUE, OVERVIEW, Repository
from store.workers import Workers


class Finding(NamedTuple):
    """What is wrong with the file or directory at `path`; what is to be removed for it, so that it is made anew, and
    what files below `packages/` are to be read again.
    """

    path: str
    reason: str
    derived: Path | None = None
    doubted: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Pages:
    """Of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._workers = Workers(memory=MEMORY)

    def check(self, detail: ProjectDetail) -> Iterator[Finding]:
        """All pages of a project."""
        for kind in KINDS:
            yield from self._check_set(kind, detail)
        yield from self._check_companions(detail)
        yield from self._check_people(detail)

    def _check_set(self, kind: Kind, detail: ProjectDetail) -> Iterator[Finding]:
        """The pages as they are made now, under all their names."""
        pages = kind.render(detail) if kind.shown(detail) else {}
        pages |= {alias: pages[page] for alias, page in kind.list_aliases(detail).items() if page in pages}
        yield from self._compare(kind.set_of(detail.name), pages, detail, kind.list_links(detail))

    def _check_people(self, detail: ProjectDetail) -> Iterator[Finding]:
        """As above; a README may be shown as it was written, for to render it may have been too much at the time."""
        name, wanted = f"{PEOPLE}/{detail.name}", tuple(people.list_shown(detail))
        made = self._portray(detail, wanted, Care.ALL)
        others = {page for page in wanted if page not in made or _read(self._path(name, page)) != made[page]}
        for care in (Care.LITTLE, Care.NONE):
            plainly = self._portray(detail, tuple(sorted(others)), care) if others else {}
            fitting = {page for page, content in plainly.items() if _read(self._path(name, page)) == content}
            made |= {page: plainly[page] for page in fitting | (plainly.keys() - made.keys())}
            others -= fitting
        made |= {alias: made[page] for alias, page in people.list_aliases(detail).items() if page in made}
        yield from self._compare(name, made, detail)

    def _portray(self, detail: ProjectDetail, pages: tuple[str, ...], care: Care) -> dict[str, bytes]:
        """All at once, or else one by one as far as they can be made."""
        with contextlib.suppress(Exception):  # whatever a library raises, or WorkerDied
            return self._submit(detail, pages, care)
        made: dict[str, bytes] = {}
        for page in pages:
            with contextlib.suppress(Exception):
                made |= self._submit(detail, (page,), care)
        return made

    def _submit(self, detail: ProjectDetail, pages: tuple[str, ...], care: Care) -> dict[str, bytes]:
        seconds = len(pages) * SECONDS + due(max(file.identity.size for file in detail.files))
        return self._workers.submit(_portray, self._repository, detail, pages, care, seconds=seconds).result()

    def _path(self, name: str, page: str) -> Path:
        return self._repository.site / name / page

    def _compare(
        self, name: str, pages: Mapping[str, bytes], detail: ProjectDetail, links: Mapping[str, str] | None = None
    ) -> Iterator[Finding]:
        directory, doubted = self._repository.site / name, _list_doubted(self._repository, detail)
        reasons = {page: _compare_page(directory / page, content) for page, content in sorted(pages.items())}
        reasons |= {link: _compare_link(directory / link, target) for link, target in sorted((links or {}).items())}
        reasons |= dict.fromkeys(_list_others(directory, reasons), "is no page of the project")
        for page, reason in reasons.items():
            if reason:
                yield Finding(f"{directory}/{page}", reason, directory, doubted)

    def _check_companions(self, detail: ProjectDetail) -> Iterator[Finding]:
        """Core metadata beside the pages, by the digest that these announce."""
        for path, companion in sorted(list_companions(detail).items()):
            file = self._repository.site / path
            content = _read(file)
            if content is None:
                yield Finding(str(file), "is missing", file)
            elif sha256(content).hexdigest() != companion.key:
                yield Finding(str(file), f"is not what {companion.file.filename} holds", file)

    def check_written(self) -> Iterator[Finding]:
        """What is about all projects, held against what the indexer noted when it wrote it."""
        for name, written in self._read_manifest(OVERVIEW, CATALOGUE):
            directory = self._repository.site / name
            reasons = {form: _compare_written(directory / form, each) for form, each in sorted(written.items())}
            reasons |= dict.fromkeys(_list_others(directory, written), "is nothing that was written there")
            for form, reason in reasons.items():
                if reason:
                    yield Finding(f"{directory}/{form}", reason, directory)

    def is_damaged(self, name: str) -> bool:
        """Whether a page set is not what was written; False where that is not known."""
        directory = self._repository.site / name
        noted = (written for _, written in self._read_manifest(name))
        return any(_compare_written(directory / form, each) for written in noted for form, each in written.items())

    def _read_manifest(self, *names: str) -> list[tuple[str, Mapping[str, Written]]]:
        """Nothing where it was not kept yet."""
        if not self._repository.index.exists():
            return []
        uri = f"{self._repository.index.absolute().as_uri()}?mode=ro"
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(uri, uri=True)) as known:
            rows = known.execute(f"select name, files from sets where name in ({marks(len(names))})", names)
            return [(name, parse_files(squeezed)) for name, squeezed in rows.fetchall()]
        return []

    def stop(self) -> None:
        self._workers.stop()


def _list_doubted(repository: Repository, detail: ProjectDetail) -> tuple[str, ...]:
    """All files that the project's pages are made from."""
    paths = [file.path for file in detail.files]
    beside = [f"{path}{suffix}" for path in paths for suffix in SIDECARS]
    beside.append(repository.status(detail.name).name)
    return (*paths, *(path for path in beside if (repository.packages / path).exists()))


def _list_others(directory: Path, expected: Collection[str]) -> list[str]:
    """What lies there and is none of these, nor one of them compressed."""
    found = (str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_symlink() or path.is_file())
    return sorted(name for name in found if name not in expected and name.removesuffix(".gz") not in expected)


def _portray(repository: Repository, detail: ProjectDetail, pages: tuple[str, ...], care: Care) -> dict[str, bytes]:
    from indexer.portraits import portray  # noqa: PLC0415 - for the processes that do it

    return portray(repository, detail, pages, care)[0]


def _compare_page(page: Path, content: bytes) -> str:
    """What is wrong with it, in whichever of its forms; empty where nothing is."""
    there = _read(page)
    if there is None:
        return "is missing"
    if there != content:
        return "is not what its files say"
    squeezed = page.with_name(f"{page.name}.gz")
    return "" if not squeezed.exists() or _unpack(squeezed) == content else "is another page where it is compressed"


def _compare_link(link: Path, target: str) -> str:
    try:
        return "" if str(link.readlink()) == target else "leads elsewhere than its files say"
    except OSError:
        return "is missing"


def _compare_written(path: Path, written: Written) -> str:
    if written.size == LINK:
        return _compare_link(path, written.digest)
    content = _unpack(path) if path.suffix == ".gz" else _read(path)
    if content is None:
        return "is missing, or damaged"
    return "" if digest_page(content) == written.digest else "is not what was written"


def _read(page: Path) -> bytes | None:
    try:
        return page.read_bytes()
    except OSError:
        return None


def _unpack(page: Path) -> bytes | None:
    try:
        return gzip.decompress(page.read_bytes())
    except (OSError, EOFError, ValueError):
        return None
