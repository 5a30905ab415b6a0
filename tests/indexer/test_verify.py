"""`larder verify`: whatever is wrong is found, nothing is changed, and what is derived is mended when asked for."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.running import PASSWORD, USER, Larder, basic, run_tool, wait_until

AUTH = basic(USER, PASSWORD)


def verify(larder: Larder, *options: str) -> tuple[int, list[str]]:
    """Exit code, and what is wrong, by paths below the data directory."""
    done = run_tool("-m", "uploader.commands", "--data", str(larder.data), "verify", *options, check=False)
    assert not done.stderr
    return done.returncode, done.stdout.replace(f"{larder.data}/", "").splitlines()


def snapshot(directory: Path) -> dict[str, tuple[float, str]]:
    """All that lies there but what the programs go on writing."""
    found = (path for path in directory.rglob("*") if path.is_file() and "state" not in path.parts)
    return {str(path): (path.stat().st_mtime, hashlib.sha256(path.read_bytes()).hexdigest()) for path in found}


@pytest.fixture
def filled(larder: Larder, tmp_path: Path) -> Larder:
    for file in (
        make_wheel(tmp_path, "demo", "1.0"),
        make_sdist(tmp_path, "demo", "1.0"),
        make_wheel(tmp_path, "b", "2"),
    ):
        assert larder.upload(file, "/", AUTH).status == 200
    wait_until(lambda: all(larder.get(f"/project/{name}/").status == 200 for name in ("demo", "b")))
    wait_until(lambda: larder.get("/demo/json").status == 200)
    wait_until(lambda: [name for name, *_ in larder.get("/-/projects.json").json()] == ["b", "demo"])
    return larder


def test_where_all_is_well_nothing_is_said(filled: Larder) -> None:
    assert verify(filled) == (0, [])


def test_everything_that_is_wrong_is_said_and_nothing_changed(filled: Larder) -> None:
    site, packages = filled.data / "site/default", filled.packages
    assert verify(filled) == (0, [])
    with filled.without("indexer"):
        (site / "projects/demo/simple.html").unlink()  # it has another name
        (site / "projects/demo/simple.html").write_text("x")
        (site / "boards/demo/boards.json").unlink()
        (site / "people/b/2.html").write_text("x")
        (site / "overview/list.json").write_text("x")
        (site / "packages/demo-1.0-py3-none-any.whl.metadata").write_text("x")
        (site / "projects/gone").mkdir()
        (packages / "demo-3.0.tar.gz.yanked").write_text("why")
        (packages / "notes.txt").write_text("x")
        before = snapshot(filled.data)
        code, said = verify(filled)
        assert code == 1
        assert snapshot(filled.data) == before
    assert sorted(said) == [
        "packages/demo-3.0.tar.gz.yanked: no file 'demo-3.0.tar.gz' lies beside it; expected the file it is about",
        "packages/notes.txt: 'notes.txt': a distribution ends in .whl, .egg, .tar.gz, .tgz, .tar.bz2, .tar, .zip",
        "site/default/boards/demo/boards.json: is missing",
        "site/default/overview/list.json: is not what was written",
        "site/default/packages/demo-1.0-py3-none-any.whl.metadata: is not what demo-1.0-py3-none-any.whl holds",
        "site/default/people/b/2.html: is not what its files say",
        "site/default/projects/demo/simple.html: is not what its files say",
        "site/default/projects/gone: is of a project that has no files",
    ]


def rot(file: Path, at: int) -> None:
    """Change a bit, and nothing that can be seen from outside."""
    facts = file.stat()
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    with file.open("r+b") as changed:
        changed.write(content)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_bytes_that_changed_under_the_same_name_time_and_size_are_for_people_to_decide(filled: Larder) -> None:
    sdist = filled.packages / "demo-1.0.tar.gz"
    rot(sdist, 4)  # the time in gzip's head, which no checksum is of
    has = f"packages/demo-1.0.tar.gz: has sha256 {digest(sdist)}, its page says "
    for _ in range(2):  # no repair makes it right, for nothing but the page tells that it was another one
        code, [said] = verify(filled, "--repair")
        assert (code, said.startswith(has)) == (1, True)
        assert said.endswith("; restore it, or touch it if it is meant so")
    sdist.touch()
    wait_until(lambda: filled.digest("demo", sdist.name) == digest(sdist))
    wait_until(lambda: verify(filled) == (0, []), 30)


def test_what_cannot_be_read_any_longer_is_taken_off_its_pages_and_takes_no_other_with_it(filled: Larder) -> None:
    sdist = filled.packages / "demo-1.0.tar.gz"
    rot(sdist, -6)  # the checksum
    code, said = verify(filled, "--repair")
    assert code == 1
    assert all("/site/" not in f"/{line}" for line in said), said
    wait_until(lambda: list(filled.detail("demo")) == ["demo-1.0-py3-none-any.whl"])
    wait_until(lambda: [line.partition(":")[0] for line in verify(filled)[1]] == ["packages/demo-1.0.tar.gz"], 30)
    assert filled.get("/project/demo/").status == 200


@pytest.mark.parametrize(
    "page",
    [
        "catalogue/feed.atom", "catalogue/new.html", "catalogue/projects.html", "overview/home.html",
        "overview/counts.html", "overview/static/larder.css", "people/demo/feed.atom", "people/b/project.json",
        "projects/b/listing.json",
    ],
)  # fmt: skip
def test_a_page_with_one_wrong_bit_is_found_and_made_anew(filled: Larder, page: str) -> None:
    assert verify(filled) == (0, [])
    path = filled.data / "site/default" / page
    before = path.read_bytes()
    rot(path, 5)
    code, said = verify(filled, "--repair")
    assert (code, any(line.startswith(f"site/default/{page}: is ") for line in said)) == (1, True)
    wait_until(lambda: path.exists() and path.read_bytes() != before[:5] + bytes([before[5] ^ 1]) + before[6:], 30)
    wait_until(lambda: verify(filled) == (0, []), 30)


def test_what_somebody_put_among_the_pages_is_found(filled: Larder) -> None:
    people = filled.data / "site/default/people/b"
    (people / "9.9.html").write_text("<h1>stray</h1>")
    (filled.data / "site/default/boards/b/of@9").symlink_to("/etc")
    assert verify(filled) == (1, [
        "site/default/boards/b/of@9: is no page of the project",
        "site/default/people/b/9.9.html: is no page of the project",
    ])  # fmt: skip


def test_what_boards_install_is_looked_at(filled: Larder) -> None:
    assert filled.get("/mip/package/6/b/2.json").status == 200
    file = next((filled.data / "site/default/unpacked/files").glob("*/*"))
    rot(file, 0)
    code, said = verify(filled, "--repair")
    assert (code, {line.rpartition(": ")[2] for line in said}) == (
        1, {"is not the file of that digest", "removed, to be made anew"},
    )  # fmt: skip
    wait_until(lambda: filled.get("/mip/package/6/b/2.json").status == 200)
    assert verify(filled) == (0, [])


def test_what_is_derived_is_repaired(filled: Larder) -> None:
    site = filled.data / "site/default"
    with filled.without("indexer"):
        (site / "projects/demo/simple.json").write_text("{}")
        (site / "packages/demo-1.0-py3-none-any.whl.metadata").write_text("x")
        code, said = verify(filled, "--repair")
        assert code == 1
        assert "site/default/projects/demo: removed, to be made anew" in said
    wait_until(lambda: verify(filled) == (0, []), 30)
    assert filled.detail("demo")


def test_users_and_policy_are_looked_at_too(filled: Larder) -> None:
    with (filled.data / "auth/.htpasswd").open("a") as users:
        users.write("nobody\n")
    code, said = verify(filled)
    assert (code, len(said)) == (1, 1)
    assert said[0].startswith("auth/.htpasswd, line 2: no user and hash")
