"""Value → text: the simple pages, the boards' document, the home page. Pure; no disk but the templates."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from packaging.utils import canonicalize_version
from packaging.version import Version

from indexer.values import Counts, ListedFile, ProjectDetail
from store.names import METADATA

API_VERSION = "1.1"  # PEP 700: versions, size, upload-time
BOARD_SUFFIXES = (".tar.gz", ".tgz")  # all that upip can unpack

_HERE = Path(__file__).parent
_JSON = {"ensure_ascii": True, "separators": (",", ":")}


def _quote(path: str) -> str:
    return quote_from_bytes(path.encode("utf-8", "surrogateescape"), safe="/")


def _ascii(text: str) -> str:
    """ASCII with numeric entities: pip reads a page without a charset as latin-1."""
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _size(size: int) -> str:
    units = ["B", "KB", "MB", "GB", "TB"]
    amount = float(size)
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.3g} {units[0]}"


def _create_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"url": _quote, "size": _size}
    return environment


_ENVIRONMENT = _create_environment()


def fingerprint_of_code() -> str:
    """Changes whenever anything changes that decides what pages look like or what is learnt from a file."""
    sources = [*_HERE.rglob("*.py"), *_HERE.rglob("*.html"), *(_HERE.parent / "store").rglob("*.py")]
    digest = hashlib.sha256()
    for source in sorted(sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def fingerprint_of(detail: ProjectDetail) -> str:
    """Changes whenever the project's pages would."""
    return hashlib.sha256(repr(detail).encode("utf-8", "surrogateescape")).hexdigest()


def render_list_html(projects: Iterable[str]) -> str:
    return _ENVIRONMENT.get_template("list.html").render(projects=projects, api_version=API_VERSION)


def render_list_json(projects: Iterable[str]) -> str:
    """The project list (PEP 691)."""
    document = {"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in projects]}
    return json.dumps(document, **_JSON) + "\n"  # type: ignore[arg-type]


def render_detail_html(detail: ProjectDetail) -> str:
    page = _ENVIRONMENT.get_template("detail.html").render(detail=detail, api_version=API_VERSION)
    return _ascii(page)


def render_detail_json(detail: ProjectDetail) -> str:
    """The project detail (PEP 691, 700)."""
    document = {
        "meta": {"api-version": API_VERSION},
        "name": detail.name,
        "versions": list(dict.fromkeys(file.distribution.version for file in detail.files)),
        "files": [_file_entry(file) for file in detail.files],
    }
    return json.dumps(document, **_JSON) + "\n"  # type: ignore[arg-type]


def _file_entry(file: ListedFile) -> dict[str, Any]:
    """Without `dist-info-metadata`: pip 22.2 to 23.0 fail on its dict (PEP 714 lets it go)."""
    entry: dict[str, Any] = {
        "filename": file.filename,
        "url": f"../../packages/{_quote(file.path)}",
        "hashes": {"sha256": file.distribution.digest},
    }
    if file.distribution.requires_python:
        entry["requires-python"] = file.distribution.requires_python
    if file.distribution.metadata_digest:
        entry["core-metadata"] = {"sha256": file.distribution.metadata_digest}
    if file.signed:
        entry["gpg-sig"] = True
    entry["yanked"] = False if file.yanked is None else file.yanked or True
    entry["size"] = file.identity.size
    entry["upload-time"] = _upload_time(file.identity.mtime_ns)
    return entry


def _upload_time(mtime_ns: int) -> str:
    """PEP 700: `yyyy-mm-ddThh:mm:ss.ffffffZ`. The file's own time, so that it survives everything derived."""
    microseconds = min(max(mtime_ns // 1000, 0), 253_402_300_799_999_999)
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def pick_latest(versions: Iterable[Version]) -> Version:
    """The newest final release, or the newest pre-release where there is none."""
    known = sorted(versions)
    return next((version for version in reversed(known) if not version.is_prerelease), known[-1])


def render_board_documents(detail: ProjectDetail) -> dict[str, str]:
    """Version → the document upip reads for it; "" → the one for all versions, last. Empty without an sdist.

    upip follows no redirect and no relative URL and insists on one file per release, so the
    address is left for nginx to fill in from the request. A yanked release is latest only where all are.
    1.0 is there as 1 as well, by which the uploader finds 1.0.0 (PEP 440: they are the same).
    """
    yanked_first = sorted(detail.files, key=lambda file: file.yanked is None)  # so that the last one is not
    sdists = {file.version: file for file in yanked_first if _suits_boards(file)}
    if not sdists:
        return {}
    offered = [version for version, file in sdists.items() if file.yanked is None] or list(sdists)
    documents = {str(version): _board_document(version, {version: file}) for version, file in sdists.items()}
    shortened = {canonicalize_version(version): documents[str(version)] for version in sdists}
    return {**documents, **shortened, "": _board_document(pick_latest(offered), sdists)}


def _suits_boards(file: ListedFile) -> bool:
    return file.distribution.kind == "sdist" and file.filename.endswith(BOARD_SUFFIXES)


def _board_document(latest: Version, sdists: dict[Version, ListedFile]) -> str:
    origin = '<!--# echo var="board_origin" encoding="none" -->'
    releases = {str(version): [{"url": f"{origin}/packages/{_quote(file.path)}"}] for version, file in sdists.items()}
    document = json.dumps({"info": {"version": str(latest)}, "releases": releases}, **_JSON)  # type: ignore[arg-type]
    return document.replace('\\"board_origin\\"', '"board_origin"').replace('\\"none\\"', '"none"') + "\n"


def render_home(projects: Iterable[str], left_out: dict[str, str]) -> str:
    """The home page; nginx fills in counts and the address the reader came by."""
    printable = {path.encode("utf-8", "backslashreplace").decode(): reason for path, reason in left_out.items()}
    return _ENVIRONMENT.get_template("home.html").render(projects=list(projects), left_out=printable)


def render_counts(counts: Counts) -> str:
    return _ENVIRONMENT.get_template("counts.html").render(counts=counts)


def metadata_path(path: str) -> str:
    """Where a wheel's METADATA lies below `site/` (PEP 658: the file's URL and `.metadata`)."""
    return f"packages/{path}{METADATA}"
