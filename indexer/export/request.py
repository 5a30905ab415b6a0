"""What is to be exported, and how its pages are to say where everything lies: the command line, read and checked."""

import argparse
import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from indexer.model import Shelf
from store.errors import Refused, shown

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_URL = re.compile(rf"https?://{_HOST}(?:/(?:[A-Za-z0-9._~@+=,-]|%[0-9A-Fa-f]{{2}})+)*/?")
PLACES = ("path", "filename", "project", "version")  # that an address of packages can have, as `Shelf` does
TELLING = ("path", "filename")  # one file from another
_PLACE = re.compile(rf"\{{({'|'.join(PLACES)})\}}")


class Request(NamedTuple):
    directory: Path
    data: str | None
    repository: str
    base_url: str  # without a slash at its end; empty where it is not known
    shelf: Shelf
    although_closed: bool
    watches: bool


def read_request() -> Request:
    """As it is asked for; Refused names the value that cannot be. A usage that cannot be ends the program with 2."""
    asked = _create_parser().parse_args()
    if not asked.directory:
        raise Refused("DIR is empty; expected the directory to export to")
    return Request(
        directory=Path(os.path.abspath(asked.directory)),  # noqa: PTH100 - without `..`, for people
        data=asked.data,
        repository=asked.repository,
        base_url=_read_base(asked.base_url),
        shelf=_read_shelf(asked.packages_url, has_metadata=asked.with_metadata),
        although_closed=asked.although_closed,
        watches=asked.watch,
    )


def _create_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="export", description="Write a repository as plain files, for any web server.", allow_abbrev=False
    )
    parser.add_argument("directory", metavar="DIR", help="where to: what lies beside the export there is left alone")
    parser.add_argument("--data", metavar="DIR", help="the data directory; LARDER_DATA says it too")
    parser.add_argument("--repository", metavar="NAME", default="default", help="another one than that at /")
    parser.add_argument("--base-url", metavar="URL", help="where DIR will be, for what names its own address")
    parser.add_argument(
        "--packages-url",
        metavar="URL",
        help="where the distributions lie, which are then not written; {path}, {filename}, {project} and {version} are "
        "filled in, and without {path} or {filename} /{path} follows",
    )
    parser.add_argument("--with-metadata", action="store_true", help=".metadata lies beside them there as well")
    parser.add_argument("--although-closed", action="store_true", help="also where reading needs a password")
    parser.add_argument("--watch", action="store_true", help="stay, and follow every change")
    return parser


def _check_url(option: str, url: str, expected: str = "") -> None:
    """Also where it is empty: whoever named an option meant something."""
    filled = _PLACE.sub("x", url) if expected else url
    if not (_URL.fullmatch(filled) and _has_port(filled)):
        like = "the address of a directory, such as https://index.example/team"
        raise Refused(f"{option}={shown(url)}; expected {like}{expected}")


def _has_port(url: str) -> bool:
    """Whether it can be reached by the port that it says, if any."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _read_base(url: str | None) -> str:
    if url is None:
        return ""
    _check_url("--base-url", url)
    return url.rstrip("/")


def _read_shelf(url: str | None, *, has_metadata: bool) -> Shelf:
    if url is None and has_metadata:
        raise Refused("--with-metadata is about distributions that lie elsewhere; expected --packages-url as well")
    if url is None:
        return Shelf()
    _check_url("--packages-url", url, f", with none but {', '.join(f'{{{name}}}' for name in PLACES)} in it")
    is_told = not set(_PLACE.findall(url)).isdisjoint(TELLING)
    return Shelf(url if is_told else f"{url.rstrip('/')}/{{path}}", has_metadata)
