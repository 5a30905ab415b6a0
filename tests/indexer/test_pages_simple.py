"""The simple pages: what is in them, and that every installer can read them."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from indexer.model import Counts, ListedFile, Overview, ProjectDetail
from indexer.pages import FOR_INSTALLERS, KINDS, is_compressed, list_companions, render_overview
from store.distribution import Distribution
from store.identity import Identity
from store.status import Status

DIGEST = "0" * 64
HATCH = re.compile(r"<a [^>]+>([^<]+)</a>")  # how hatch reads a page
EASY_INSTALL = re.compile(r"""href\s*=\s*['"]?([^'"> ]+)""", re.I)  # and setuptools


def listed(filename: str = "demo-1.0.tar.gz", version: str = "1.0", **fields: Any) -> ListedFile:
    path = fields.pop("path", filename)
    kind = "wheel" if filename.endswith(".whl") else "sdist"
    requires_python, metadata_digest = fields.pop("requires_python", ""), fields.pop("metadata_digest", "")
    distribution = Distribution((("demo", version),), kind, DIGEST, requires_python, metadata_digest)  # type: ignore[arg-type]
    values: dict[str, Any] = {"identity": Identity(1, 10, 0), "yanked": None, "signed": False}
    return ListedFile(filename, path, release=version, distribution=distribution, **(values | fields))


def entry(file: ListedFile) -> dict[str, Any]:
    [found] = json.loads(FOR_INSTALLERS.render(ProjectDetail("demo", (file,)))["simple.json"])["files"]
    return dict(found)


class Anchors(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.path: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br"):
            self.path.append(tag)
        if tag == "a":
            assert self.path == ["html", "body", "a"]
            self.found.append(("", dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.path.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.path and self.path[-1] == "a":
            self.found[-1] = (data, self.found[-1][1])


FILES = (
    listed("demo-1.0.tar.gz", yanked='it\'s <broken> & "bad" é\n'),
    listed(
        "demo-1.0-py3-none-any.whl", requires_python=">=3.8,<4", metadata_digest="1" * 64, signed=True, attested=True
    ),
    listed("demo-2.0.tar.gz", "2.0", path="sub dir#1/caf\udce9/<x>/demo-2.0.tar.gz", yanked=""),
)


def test_every_anchor_in_the_body_is_a_file_for_every_reader() -> None:
    page = FOR_INSTALLERS.render(ProjectDetail("demo", FILES))["simple.html"].decode("ascii")
    names = [file.filename for file in FILES]
    anchors = Anchors(page).found
    assert page.startswith("<!DOCTYPE html>\n<html lang=")
    assert [name for name, _ in anchors] == HATCH.findall(page) == names
    assert [link for link in EASY_INSTALL.findall(page) if "packages/" in link] == [link["href"] for _, link in anchors]
    assert anchors[2][1]["href"] == f"../../packages/sub%20dir%231/caf%E9/%3Cx%3E/demo-2.0.tar.gz#sha256={DIGEST}"
    assert [link.get("data-yanked") for _, link in anchors] == ['it\'s <broken> & "bad" é\n', None, ""]
    assert anchors[1][1]["data-core-metadata"] == anchors[1][1]["data-dist-info-metadata"] == f"sha256={'1' * 64}"
    assert [link.get("data-provenance") for _, link in anchors] == [None, f"../../packages/{names[1]}.provenance", None]
    assert (anchors[1][1]["data-gpg-sig"], anchors[1][1]["data-requires-python"]) == ("true", ">=3.8,<4")


def test_both_pages_can_be_read_on_a_phone_and_in_the_dark() -> None:
    overview = render_overview(overview_of("a", "b-c"))
    for page, style in (
        (FOR_INSTALLERS.render(ProjectDetail("demo", FILES))["simple.html"], b'href="../../-/larder.css"'),
        (overview["list.html"], b'href="../-/larder.css"'),
    ):
        assert b'<meta name="viewport" content="width=device-width, initial-scale=1">' in page
        assert style in page
        assert page.isascii()
    assert b"prefers-color-scheme: dark" in overview["static/larder.css"]


def overview_of(*projects: str, **fields: Any) -> Overview:
    values: dict[str, Any] = {"rejected": (), "misplaced": (), "is_private": False, "policy_problem": ""}
    return Overview(projects=projects, counts=Counts(len(projects), 1, 1), **(values | fields))


def test_the_list_names_every_project_in_both_forms() -> None:
    pages = render_overview(overview_of("a", "b-c"))
    assert HATCH.findall(pages["list.html"].decode()) == ["a", "b-c"]
    assert json.loads(pages["list.json"])["projects"] == [{"name": "a"}, {"name": "b-c"}]


def test_json_says_what_the_specifications_want_and_no_more() -> None:
    assert entry(listed()) == {
        "filename": "demo-1.0.tar.gz",
        "url": "../../packages/demo-1.0.tar.gz",
        "hashes": {"sha256": DIGEST},
        "yanked": False,
        "size": 10,
        "upload-time": "1970-01-01T00:00:00.000000Z",
    }
    full = entry(FILES[1])
    assert (full["requires-python"], full["core-metadata"], full["gpg-sig"]) == (">=3.8,<4", {"sha256": "1" * 64}, True)
    assert full["provenance"] == "../../packages/demo-1.0-py3-none-any.whl.provenance"
    assert [entry(file)["yanked"] for file in FILES] == [FILES[0].yanked, False, True]


@pytest.mark.parametrize(
    ("mtime_ns", "said"),
    [
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456Z"),
        (-1, "1970-01-01T00:00:00.000000Z"),
        (1 << 62, "2116-02-20T23:53:38.427387Z"),
        (10**30, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_the_upload_time_is_one_that_can_be_read(mtime_ns: int, said: str) -> None:
    assert entry(listed(identity=Identity(1, 1, mtime_ns)))["upload-time"] == said


def test_versions_are_named_once_in_order() -> None:
    document = json.loads(FOR_INSTALLERS.render(ProjectDetail("demo", (FILES[0], FILES[2])))["simple.json"])
    assert (document["name"], document["versions"], document["meta"]) == (
        "demo",
        ["1.0", "2.0"],
        {"api-version": "1.1"},
    )


@pytest.mark.parametrize(
    ("detail", "version"),
    [
        (ProjectDetail("demo", FILES[:1]), "1.1"),
        (ProjectDetail("demo", FILES), "1.3"),
        (ProjectDetail("demo", FILES[:1], Status("archived", "")), "1.4"),
        (ProjectDetail("demo", FILES, Status("quarantined", "")), "1.4"),
    ],
)
def test_no_page_claims_to_be_newer_than_what_it_says(detail: ProjectDetail, version: str) -> None:
    pages = FOR_INSTALLERS.render(detail)
    assert json.loads(pages["simple.json"])["meta"]["api-version"] == version
    assert f'<meta name="pypi:repository-version" content="{version}">' in pages["simple.html"].decode()


def test_the_same_project_has_the_same_pages() -> None:
    assert FOR_INSTALLERS.render(ProjectDetail("demo", FILES)) == FOR_INSTALLERS.render(
        ProjectDetail("demo", tuple(FILES))
    )
    changed = (FILES[0]._replace(yanked=None), *FILES[1:])
    assert FOR_INSTALLERS.render(ProjectDetail("demo", FILES)) != FOR_INSTALLERS.render(ProjectDetail("demo", changed))


def test_a_wheel_announces_its_metadata_once_it_lies_beside() -> None:
    companions = list_companions(ProjectDetail("demo", FILES))
    found = companions["packages/demo-1.0-py3-none-any.whl.metadata"]
    assert (found.key, found.file) == ("1" * 64, FILES[1])
    assert not any(path.endswith(".tar.gz.metadata") for path in companions)


def test_what_nginx_fills_in_is_not_compressed() -> None:
    of_project = [kind.render(ProjectDetail("demo", FILES)) for kind in KINDS]
    pages = {**render_overview(overview_of("a")), **of_project[0], **of_project[1]}
    assert {page for page in (*pages, "x-1.0.whl.metadata", "1.0.json") if is_compressed(page)} == {
        "simple.html", "simple.json", "list.html", "list.json", "static/larder.css", "static/larder.js",
        "x-1.0.whl.metadata",
    }  # fmt: skip
    assert pages.keys() >= {"home.html", "counts.html", "boards.json", "listing.json"}
