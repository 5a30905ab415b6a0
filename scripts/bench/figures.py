"""Every figure: its unit, which limit it is held against, and what is aimed at."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

REFERENCE = 10_000  # files: aims are of this size and smaller ones, unless a larger one has its own

BARE = "bare nginx, the same bytes as plain files"
PUT = "bare WebDAV PUT, nothing checked, nothing durable"
DIGEST = "sha256 + metadata of every file, all cores"
COPY = "sha256 and a durable copy of every file, one after the other"
STAT = "stat of every file"
OPEN = "Larder, reading open to everybody"
ALONE = "bare nginx, beside which all other programs are what Larder adds"
STATIC = "the same client, from bare nginx"

TIMES = "×"  # noqa: RUF001 - the sign, not the letter

GROUPS = {
    "indexing": "A start over files that lie there.",
    "pages": "Simple pages, asked for by 32 connections.",
    "files": "Distributions, asked for by 32 connections.",
    "uploads": "Uploads as twine sends them: durable and listed when they are answered.",
    "drops": "From the first system call to the simple page that lists the file.",
    "installs": "30 packages into an empty directory.",
    "exports": "A repository as plain files, beside a Larder that serves it.",
    "memory": "PSS of all processes: what would be free without them.",
}


@dataclass(frozen=True)
class Aim:
    """A bound on the value or on its ratio to the limit; `large` is that of more than 10,000 files."""

    of: Literal["ratio", "value"]
    usual: float
    large: float | None = None

    def bound(self, files: int) -> float:
        return self.usual if self.large is None or files <= REFERENCE else self.large

    def text(self, figure: "Figure", files: int) -> str:
        sign = "≥" if figure.more else "≤"
        unit = TIMES if self.of == "ratio" else figure.unit
        return f"{sign} {self.bound(files):g} {unit}"


@dataclass(frozen=True)
class Figure:
    """`more` is better, or less; `limit` says what it is held against, and is empty where there is nothing."""

    key: str
    title: str
    unit: str
    more: bool
    limit: str = ""
    aim: Aim | None = None

    @property
    def group(self) -> str:
        return next(group for group, figures in _BY_GROUP.items() if self in figures)


PAGES = {"20": "page of 20 files", "200": "page of 200 files", "list": "list of all projects"}
FORMS = {"html": "HTML", "json": "JSON", "304": "304"}
ACCESS = {"": "", "ssha": ", private, {SSHA}", "bcrypt": ", private, bcrypt 12"}
CLIENTS = {"": "", "busy": " while 8 clients upload"}
WAYS = {"rename": "rename", "cp": "cp", "link": "hard link"}
PROGRAMS = ("indexer", "uploader", "nginx", "supervisor")


def page_key(page: str, form: str, access: str) -> str:
    return "-".join(filter(None, ("page", page, form, access)))


def drop_key(way: str, load: str, quantile: str) -> str:
    return "-".join(filter(None, ("drop", way, load, quantile)))


def install_key(client: str, cache: str) -> str:
    return f"install-{client}-{cache}"


def _pages() -> Iterator[Figure]:
    aims = {"": Aim("ratio", 0.95), "ssha": Aim("ratio", 0.9), "bcrypt": Aim("ratio", 0.5)}
    for access, whose in ACCESS.items():
        for page, what in PAGES.items():
            for form, name in FORMS.items():
                title = f"{what}, {name}{whose}"
                yield Figure(page_key(page, form, access), title, "/s", True, OPEN if access else BARE, aims[access])


def _drops() -> Iterator[Figure]:
    aims = {"": Aim("value", 25), "busy": Aim("value", 100)}
    for load, when in CLIENTS.items():
        for way, name in WAYS.items():
            yield Figure(drop_key(way, load, "p50"), f"{name} to visible, p50{when}", "ms", False)
            yield Figure(drop_key(way, load, "p95"), f"{name} to visible, p95{when}", "ms", False, "", aims[load])
    yield Figure("drop-200", "200 files renamed at once, until all are listed", "s", False, "", Aim("value", 0.2))


def _installs() -> Iterator[Figure]:
    for client in ("pip", "uv"):
        for cache in ("cold", "warm"):
            yield Figure(install_key(client, cache), f"{client}, {cache} cache", "s", False, STATIC)


def _memory() -> Iterator[Figure]:
    for when, title in (("rest", "at rest"), ("peak", "at its peak")):
        aim = Aim("value", 80, 150) if when == "rest" else None
        limit = ALONE if when == "rest" else ""
        yield Figure(f"memory-{when}", f"all programs but nginx {title}", "MB", False, limit, aim)
        for program in PROGRAMS:
            yield Figure(f"memory-{when}-{program}", f"{program} {title}", "MB", False)


_BY_GROUP: dict[str, tuple[Figure, ...]] = {
    "indexing": (
        Figure("index-cold", "cold index, until all is listed", "s", False, DIGEST, Aim("ratio", 1.5)),
        Figure("index-settled", "cold index, until nothing is left to be done", "s", False),
        Figure("index-cpu", "cold index, CPU until then", "s", False, DIGEST),
        Figure("index-first", "cold index, until the first project is listed", "s", False, "", Aim("value", 1)),
        Figure("restart", "restart with nothing changed, until healthy", "s", False, STAT, Aim("value", 0.5, 2)),
        Figure("restart-reconciled", "of it, the indexer's own comparison with the disk", "s", False),
    ),
    "pages": tuple(_pages()),
    "files": (
        Figure("file-20k", "download of 20 KB", "/s", True, BARE, Aim("ratio", 0.95)),
        Figure("file-5m", "download of 5 MB", "MB/s", True, BARE, Aim("ratio", 0.95)),
    ),
    "uploads": (
        Figure("upload-20k-1", "upload of 20 KB, 1 client", "/s", True, PUT, Aim("value", 150)),
        Figure("upload-20k-1-cpu", "upload of 20 KB, 1 client, CPU of each", "ms", False, PUT),
        Figure("upload-20k-8", "upload of 20 KB, 8 clients", "/s", True, PUT, Aim("value", 300)),
        Figure("upload-20k-8-cpu", "upload of 20 KB, 8 clients, CPU of each", "ms", False, PUT),
        Figure("upload-20k-written", "upload of 20 KB, bytes written for each byte taken", "B", False, PUT),
        Figure("upload-5m-8", "upload of 5 MB, 8 clients", "MB/s", True, PUT, Aim("value", 100)),
        Figure("upload-5m-8-cpu", "upload of 5 MB, 8 clients, CPU of each", "ms", False, PUT),
        Figure("upload-5m-written", "upload of 5 MB, bytes written for each byte taken", "B", False, PUT),
        Figure("upload-500m-1", "upload of 500 MB, 1 client", "s", False, PUT, Aim("value", 5)),
    ),
    "drops": tuple(_drops()),
    "installs": tuple(_installs()),
    "exports": (
        Figure("export-first", "export, the first", "s", False, COPY),
        Figure("export-again", "export, again with nothing changed", "s", False, STAT),
    ),
    "memory": tuple(_memory()),
}

FIGURES = tuple(figure for figures in _BY_GROUP.values() for figure in figures)


def figures_of(group: str) -> tuple[Figure, ...]:
    return _BY_GROUP[group]
