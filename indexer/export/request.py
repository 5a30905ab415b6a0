"""What is to be exported, and how its pages are to say where everything lies: the command line, read and checked."""

import argparse
import re
import string
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from indexer.model import Shelf
from store.errors import Refused, shown

_URL = re.compile(r"https?://[A-Za-z0-9._~:\[\]-]+(?:/[A-Za-z0-9._~:@!$()*+,;=%{}/-]*)?")
PLACES = ("path", "filename", "project", "version")  # that an address of packages can have, as `Shelf` does
_NAMES = (PLACES[0], PLACES[1])  # one of which tells one file from another


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
    return Request(
        directory=Path(asked.directory).absolute(),
        data=asked.data,
        repository=asked.repository,
        base_url=_check_url("--base-url", asked.base_url).rstrip("/"),
        shelf=_read_shelf(asked.packages_url, has_metadata=asked.with_metadata),
        although_closed=asked.although_closed,
        watches=asked.watch,
    )


def _create_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="export", description="Write a repository as plain files, for any web server."
    )
    parser.add_argument("directory", metavar="DIR", help="where to: an empty directory, or what an export made")
    parser.add_argument("--data", metavar="DIR", help="the data directory; LARDER_DATA says it too")
    parser.add_argument("--repository", metavar="NAME", default="default", help="another one than that at /")
    parser.add_argument(
        "--base-url", metavar="URL", default="", help="where DIR will be, for what names its own address"
    )
    parser.add_argument(
        "--packages-url",
        metavar="URL",
        default="",
        help="where the distributions lie, which are then not written; {path}, {filename}, {project} and {version} are "
        "filled in, and without any of them /{path} follows",
    )
    parser.add_argument("--with-metadata", action="store_true", help=".metadata lies beside them there as well")
    parser.add_argument("--although-closed", action="store_true", help="also where reading needs a password")
    parser.add_argument("--watch", action="store_true", help="stay, and follow every change")
    return parser


def _check_url(option: str, url: str, expected: str = "such as https://index.example/team") -> str:
    try:
        is_right = bool(_URL.fullmatch(url)) and urlsplit(url).port != 0
    except ValueError:
        is_right = False
    if url and not is_right:
        raise Refused(f"{option}={shown(url)}; expected the address of a directory, {expected}")
    return url


def _read_shelf(url: str, *, has_metadata: bool) -> Shelf:
    expected = "with none but " + ", ".join(f"{{{name}}}" for name in PLACES)
    try:
        found = list(string.Formatter().parse(_check_url("--packages-url", url, expected)))
    except ValueError:
        found = [("", "", "", None)]
    places = {name for _, name, _, _ in found if name is not None}
    if not places <= set(PLACES) or any(form or conversion for _, _, form, conversion in found):
        raise Refused(f"--packages-url={shown(url)}; expected the address of a directory, {expected}")
    if not url:
        return Shelf()
    return Shelf(url if places & set(_NAMES) else f"{url.rstrip('/')}/{{path}}", has_metadata)
