"""File names: what they can be read as, and what they may not be."""

import random
import re

import pytest
from packaging.version import Version

from store.errors import BadName
from store.names import (
    PARTIAL_SUFFIXES,
    Release,
    base_of_sidecar,
    check_agrees,
    collation_key,
    is_ignored,
    parse_filename,
    parse_project,
    parse_version,
    possible_projects,
    readings,
)
from tests.running import HERE


@pytest.mark.parametrize(
    ("filename", "name", "version"),
    [
        ("pytz-2012b.tar.bz2", "pytz", "2012b"),
        ("pytz-2012b.tgz", "pytz", "2012b"),
        ("pytz-2012a.zip", "pytz", "2012a"),
        ("greenlet-0.3.4-py3.1-win-amd64.egg", "greenlet", "0.3.4"),
        ("greenlet-0.3.4-py2.7-linux-x86_64.egg", "greenlet", "0.3.4"),
        ("pep8-0.6.0.zip", "pep8", "0.6.0"),
        ("A100-200-XYZ-1.2.3.zip", "A100-200-XYZ", "1.2.3"),
        ("package-1.0.0-alpha.1.zip", "package", "1.0.0-alpha.1"),
        ("package-1.3.7+build.11.e0f985a.zip", "package", "1.3.7+build.11.e0f985a"),
        ("package-v1.1-8.1.301+ga0df26f.zip", "package-v1.1", "8.1.301+ga0df26f"),
        ("package-2013.02.17.dev123.zip", "package", "2013.02.17.dev123"),
        ("package-123-20000101.zip", "package-123", "20000101"),
        ("pywin32-217-cp27-none-win32.whl", "pywin32", "217"),
        ("pywin32-217.1-cp27-none-win32.whl", "pywin32", "217.1"),
        ("pywin32-217-55-cp27-none-win32.whl", "pywin32", "217"),
        ("my-micropython-package-0.2.0rc99+dev42.tar.gz", "my-micropython-package", "0.2.0rc99+dev42"),
        ("Demo_Pkg-1.0.tar.gz", "demo.pkg", "1.0.0"),
        ("pkg-3!1.0.tgz", "pkg", "3!1.0"),
    ],
)
def test_a_name_agrees_with_its_metadata(filename: str, name: str, version: str) -> None:
    release = check_agrees(parse_filename(filename), name, version)
    assert release == (parse_project(name), Version(version))
    assert release.project in possible_projects(filename)
    for other in ((f"{name}x", version), (name, "99")):
        with pytest.raises(BadName, match="its metadata is of"):
            check_agrees(parse_filename(filename), *other)


@pytest.mark.parametrize(
    "filename",
    ["", ".x-1.0.zip", "../x-1.0.zip", "a/x-1.0.zip", "x\0-1.0.zip", "x y-1.0.zip", "é-1.0.zip", "x-1.0.zip\n",
     "x-1.0", "x-1.0.exe", "some_wheel.whl", "x-1.0.tar.gz.asc", "x" * 300 + "-1.0.zip", "-x-1.0.zip",
     "\n" * (1 << 20), "x" * (1 << 20), "\ud800-1.0.zip", "x-" + "1" * 5000 + ".zip", "x-1..0-py3-none-any.whl"],
)  # fmt: skip
def test_a_name_no_distribution_can_have_is_refused(filename: str) -> None:
    with pytest.raises(BadName) as caught:
        parse_filename(filename)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 500
    assert possible_projects(filename) == frozenset()


def release(project: str, version: str) -> Release:
    return Release(parse_project(project), Version(version))


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("package-123-20000101.zip", [release("package", "123.post20000101"), release("package-123", "20000101")]),
        ("a-1-2.tgz", [release("a", "1.post2"), release("a-1", "2")]),
        ("a-1-2-py3-none-any.whl", [release("a", "1")]),
        ("a-1-2-py3.1.egg", [release("a", "1")]),
        ("a.zip", []),
        ("a.egg", []),
        ("a-.zip", []),
        ("a_-1.0.zip", []),
        ("a_-1.0-py3-none-any.whl", []),
        ("Demo_Pkg-1.0.tar.gz", [release("demo-pkg", "1.0")]),
    ],
)
def test_a_name_is_read_in_every_way_it_can_be(filename: str, expected: list[Release]) -> None:
    assert readings(parse_filename(filename)) == tuple(expected)
    assert possible_projects(filename) == {project for project, _ in expected}


def test_all_that_a_project_can_have_begins_alike_where_it_is_sorted() -> None:
    chance, alphabet = random.Random(2), "abB12..--__"
    stems = {"a" + "".join(chance.choices(alphabet, k=chance.randrange(9))) for _ in range(5000)}
    names = [f"{stem}-1.0{end}" for stem in stems for end in (".zip", "-py3-none-any.whl")]
    found = [(collation_key(name), project) for name in names for project in possible_projects(name)]
    assert len(found) > 2000
    assert all(key.startswith(f"{project}-") and "." not in key for key, project in found)


def test_any_name_is_read_or_refused() -> None:
    chance, alphabet = random.Random(1), "abA1230....---__+!~v\0\n é"
    ends = (".whl", ".egg", ".tar.gz", ".zip", "-py3-none-any.whl", "")
    for _ in range(5000):
        filename = "a" + "".join(chance.choices(alphabet, k=chance.randrange(12))) + chance.choice(ends)
        possible_projects(filename)
        try:
            parsed = parse_filename(filename)
        except BadName:
            continue
        found = readings(parsed)
        assert list(found) == sorted(set(found))
        assert parsed.stem + parsed.suffix == filename


HOSTILE = [
    "",
    "\n",
    "1" * 5000,
    "1." * 100 + "\0",
    "x" * (1 << 20),
    "\ud800",
    "'\"<>",
    "é",
    "a\r\nX: y",
    "1" + ".0" * 500_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_version_is_refused_in_one_short_line(text: str) -> None:
    for parse in (parse_version, lambda text: check_agrees(parse_filename("a-1.zip"), "a", text)):
        with pytest.raises(BadName) as caught:
            parse(text)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) <= 500


@pytest.mark.parametrize(
    "text", ["", "\n", "a\n", "a b", "é", "-a", "a-", "\ud800", "\x1b[2J", "a" + "-" * (1 << 20) + "b"]
)
def test_what_is_no_project_name_is_refused_in_one_short_line(text: str) -> None:
    for parse in (parse_project, lambda text: check_agrees(parse_filename("a-1.zip"), text, "1")):
        with pytest.raises(BadName) as caught:
            parse(text)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) <= 500


def test_dot_files_and_unfinished_copies_are_ignored() -> None:
    assert all(map(is_ignored, [".a-1.zip", "a-1.zip.part", "a-1.zip~", "a.tmp", "a.filepart", "a.swp"]))
    assert not is_ignored("a-1.zip")


def test_a_sidecar_belongs_to_its_distribution() -> None:
    assert base_of_sidecar("a-1.zip.asc") == base_of_sidecar("a-1.zip.yanked") == "a-1.zip"
    assert base_of_sidecar("a-1.zip") is None


def test_the_readme_says_which_names_are_ignored() -> None:
    sentence = next(
        text for text in (HERE / "README.md").read_text().split("\n- ") if "Names that begin with a dot" in text
    )
    assert [name for name in re.findall("`(.*?)`", sentence) if is_ignored(f"x{name}")] == list(PARTIAL_SUFFIXES)
