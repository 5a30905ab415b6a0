"""mip on MicroPython boards: Debian's micropython with its own mip, and mpremote, against a running Larder."""

import contextlib
import json
import os
import pty
import subprocess
import tty
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexer.pages.mip import list_needs, place_in_sdist, place_in_wheel
from store.boards import board_file
from store.names import parse_filename, readings
from tests.archives import make_archive, make_wheel, sdist_contents
from tests.clients.environments import find_client, run_client
from tests.clients.micropython import find_micropython
from tests.nginx.board import ask
from tests.running import HERE, PASSWORD, USER, Larder, basic, wait_until

AUTH = basic(USER, PASSWORD)


def install(larder: Larder, target: Path, name: str, at: str = "", **options: object) -> str:
    """What mip says."""
    arguments = {"index": f"{larder.url}{at}/mip", "target": str(target), **options}
    code = f"import mip; mip.install({name!r}, **{arguments!r})"
    command = [*find_micropython(), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def installed(target: Path) -> dict[str, str]:
    return {str(path.relative_to(target)): path.read_text() for path in sorted(target.rglob("*")) if path.is_file()}


def put(larder: Larder, *files: Path, at: str = "") -> None:
    """Upload, and wait until boards are led to it."""
    for file in files:
        assert larder.upload(file, f"{at}/", AUTH).status == 200
    for file in files:
        project, version = readings(parse_filename(file.name))[0]
        path = at + package(project, str(version))
        wait_until(lambda path=path: ask(larder, path).status == 200)  # type: ignore[misc]


def package(name: str, version: str = "latest", kind: str = "6") -> str:
    return f"/mip/package/{kind}/{name.replace('_', '-')}/{version}.json"


def needs(larder: Larder, name: str, version: str = "latest") -> dict[str, str]:
    return dict(json.loads(ask(larder, package(name, version)).body)["deps"])


def test_a_board_installs_what_a_wheel_or_an_sdist_holds(shared_larder: Larder, tmp_path: Path) -> None:
    files = {"mip_one/__init__.py": b"import mip_one.deep\n", "mip_one/deep.py": b"x = 1\n", "mip_one/data.txt": b"no"}
    put(shared_larder, make_wheel(tmp_path, "mip-one", "1.0", files))
    said = install(shared_larder, tmp_path / "board", "mip-one")
    assert installed(tmp_path / "board") == {
        "mip_one.py": "version = '1.0'\n", "mip_one/__init__.py": "import mip_one.deep\n", "mip_one/deep.py": "x = 1\n"
    }, said  # fmt: skip
    contents = {**sdist_contents("mip-two", "2.0"), "src/mip_two/__init__.py": b"y = 2\n", "tests/test_it.py": b"no"}
    put(shared_larder, make_archive(tmp_path / "mip-two-2.0.tar.gz", "mip-two-2.0", contents))
    install(shared_larder, tmp_path / "other", "Mip_Two")
    assert installed(tmp_path / "other") == {"mip_two.py": "version = '2.0'\n", "mip_two/__init__.py": "y = 2\n"}


@pytest.mark.parametrize("wanted", ["1.0", "1.0.0", "latest", None])
def test_a_board_may_say_which_version(shared_larder: Larder, tmp_path: Path, wanted: str | None) -> None:
    put(shared_larder, *(make_wheel(tmp_path, "mip-versions", version) for version in ("1.0", "1.1", "2.0rc1")))
    install(shared_larder, tmp_path / "board", "mip-versions", **({"version": wanted} if wanted else {}))
    expected = "1.0" if wanted in ("1.0", "1.0.0") else "1.1"
    assert installed(tmp_path / "board") == {"mip_versions.py": f"version = '{expected}'\n"}


def test_the_latest_is_the_newest_as_soon_as_it_is_here(shared_larder: Larder, tmp_path: Path) -> None:
    for version in ("1.0", "1.1", "1.2"):
        put(shared_larder, make_wheel(tmp_path, "mip-grows", version))
        wait_until(lambda version=version: latest(shared_larder, "mip-grows") == version)  # type: ignore[misc]
    (shared_larder.packages / "mip_grows-1.2-py3-none-any.whl.yanked").touch()
    wait_until(lambda: latest(shared_larder, "mip-grows") == "1.1")
    (shared_larder.packages / "mip_grows-1.1-py3-none-any.whl").unlink()
    wait_until(lambda: latest(shared_larder, "mip-grows") == "1.0")
    assert ask(shared_larder, package("mip-grows", "1.1")).status == 404


def latest(larder: Larder, name: str) -> str:
    return str(json.loads(ask(larder, package(name)).body)["version"])


@pytest.mark.parametrize("kind", ["6", "5", "py", "42"])
def test_whatever_its_bytecode_a_board_gets_python(shared_larder: Larder, tmp_path: Path, kind: str) -> None:
    put(shared_larder, make_wheel(tmp_path, "mip-kinds", "1.0"))
    answer = ask(shared_larder, package("mip-kinds", kind=kind))
    assert [path for path, _ in json.loads(answer.body)["hashes"]] == ["mip_kinds.py"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Transfer-Encoding"] is None


def test_what_is_needed_comes_along(shared_larder: Larder, tmp_path: Path) -> None:
    wheels = [
        make_wheel(tmp_path, "mip-base", "1.0", None),
        make_wheel(tmp_path, "mip-base", "2.0", None),
        make_wheel(tmp_path, "mip-middle", "1.0", None, Requires_Dist="Mip_Base==1.0"),
        make_wheel(tmp_path, "mip-top", "1.0", None, Requires_Dist="mip-middle>=1\nRequires-Dist: mip-absent"),
    ]
    put(shared_larder, *wheels)
    assert needs(shared_larder, "mip-top") == {
        "mip-middle": "latest~mip-top~mip-absent"
    }  # what is not here is not named
    install(shared_larder, tmp_path / "board", "mip-top")
    assert installed(tmp_path / "board") == {
        "mip_base.py": "version = '1.0'\n", "mip_middle.py": "version = '1.0'\n", "mip_top.py": "version = '1.0'\n"
    }  # fmt: skip
    put(shared_larder, make_wheel(tmp_path, "mip-absent", "1.0", None))
    assert set(needs(shared_larder, "mip-top")) == {"mip-middle", "mip-absent"}


def test_no_board_goes_round_for_ever(shared_larder: Larder, tmp_path: Path) -> None:
    ring = {"ring-a": "ring-b", "ring-b": "ring-c>=1", "ring-c": "ring-a==1.0", "ring-d": "ring-d", "ring-e": "ring-a"}
    put(shared_larder, *(make_wheel(tmp_path, name, "1.0", None, Requires_Dist=need) for name, need in ring.items()))
    around = {"ring_a.py", "ring_b.py", "ring_c.py"}
    for name, expected in {"ring-a": around, "ring-b": around, "ring-c": around, "ring-d": {"ring_d.py"}}.items():
        said = install(shared_larder, tmp_path / name, name)
        assert set(installed(tmp_path / name)) == expected, said
    install(shared_larder, tmp_path / "ring-e", "ring-e")
    assert set(installed(tmp_path / "ring-e")) == {*around, "ring_e.py"}


@pytest.mark.parametrize("asked", ["all-g", "all-a"])
def test_no_board_goes_round_in_a_knot(shared_larder: Larder, tmp_path: Path, asked: str) -> None:
    """Where each needs every other, and what is named first is here."""
    names = [f"all-{letter}" for letter in "abcdefg"]
    needs_all = "\nRequires-Dist: ".join(("aaa-here", *names, "zzz-absent", "zzz-here"))
    if ask(shared_larder, package("aaa-here")).status != 200:
        put(shared_larder, *(make_wheel(tmp_path, name, "1.0") for name in ("aaa-here", "zzz-here")))
        put(shared_larder, *(make_wheel(tmp_path, name, "1.0", None, Requires_Dist=needs_all) for name in names))
    found = needs(shared_larder, asked)
    assert set(found) == {"aaa-here", "zzz-here", *names} - {asked}
    said = install(shared_larder, tmp_path / "board", asked)
    assert "RuntimeError" not in said
    assert set(installed(tmp_path / "board")) == {
        f"{name.replace('-', '_')}.py" for name in ("aaa-here", "zzz-here", *names)
    }


def test_a_need_that_cannot_be_had_keeps_no_other_away(shared_larder: Larder, tmp_path: Path) -> None:
    pinned = "mip-had==7.0\nRequires-Dist: mip-unfit\nRequires-Dist: mip-zoo"
    wheels = [make_wheel(tmp_path, name, "1.0") for name in ("mip-had", "mip-zoo")]
    put(shared_larder, *wheels, make_wheel(tmp_path, "mip-pinner", "1.0", None, Requires_Dist=pinned))
    unfit = make_wheel(tmp_path, "mip-unfit", "1.0", {f"many/m{n}.py": b"" for n in range(1100)})
    assert shared_larder.upload(unfit, "/", AUTH).status == 200
    wait_until(lambda: refused(shared_larder, package("mip-unfit")))
    install(shared_larder, tmp_path / "board", "mip-pinner")
    assert set(installed(tmp_path / "board")) == {"mip_pinner.py", "mip_zoo.py"}


def test_names_may_be_long(shared_larder: Larder, tmp_path: Path) -> None:
    long, longer = "a" * 100, "b" * 150
    put(shared_larder, make_wheel(tmp_path, longer, "1.0"))
    put(shared_larder, make_wheel(tmp_path, long, "1.0", None, Requires_Dist=longer))
    assert needs(shared_larder, long) == {longer: f"latest~{long}"}


@pytest.mark.parametrize("length", [10, 400])
def test_the_way_may_be_long(shared_larder: Larder, tmp_path: Path, length: int) -> None:
    put(shared_larder, make_wheel(tmp_path, "mip-way", "1.0"))
    way = "".join(f"~a-b-c-d-{n}" for n in range(length))
    assert ask(shared_larder, package("mip-way", f"latest{way}")).status == 200


def test_a_document_comes_in_one_piece_also_by_http_1_1(shared_larder: Larder, tmp_path: Path) -> None:
    put(shared_larder, make_wheel(tmp_path, "mip-whole", "1.0"))
    for path in (package("mip-whole"), package("mip-whole", "2.0"), "/mip-whole/json", package("Mip_Whole")):
        assert shared_larder.get(path).headers["Transfer-Encoding"] is None, path


def test_what_is_removed_cannot_be_had_by_its_digest_for_long(shared_larder: Larder, tmp_path: Path) -> None:
    put(shared_larder, make_wheel(tmp_path, "mip-secret", "1.0", {"secret.py": b"KEY = 1\n"}))
    digests = dict(json.loads(ask(shared_larder, package("mip-secret")).body)["hashes"])
    path = f"/mip/file/{digests['secret.py'][:2]}/{digests['secret.py']}"
    assert ask(shared_larder, path).status == 200
    (shared_larder.packages / "mip_secret-1.0-py3-none-any.whl").unlink()
    wait_until(lambda: ask(shared_larder, path).status == 404, 20)


def test_many_that_are_asked_for_at_once_are_all_there(larder: Larder, tmp_path: Path) -> None:
    wheels = [make_wheel(larder.packages, f"mip-crowd-{n}", "1.0") for n in range(150)]
    wait_until(lambda: larder.get("/simple/").text.count("mip-crowd") == 2 * len(wheels), 30)
    with ThreadPoolExecutor(30) as pool:
        paths = [package(f"mip-crowd-{n}") for n in range(len(wheels))]
        answers = list(pool.map(lambda path: ask(larder, path), paths))
        assert {answer.status for answer in answers} == {200}
        ask(larder, f"/mip/file/ab/{'ab' * 32}")  # everything that is there is looked at
        wait_until(lambda: not list((larder.paths.default.site / "unpacked").glob(".new-*")))
    for answer in answers:
        ((_, digest),) = json.loads(answer.body)["hashes"]
        assert ask(larder, f"/mip/file/{digest[:2]}/{digest}").status == 200


def test_a_board_needs_what_an_egg_says_where_nothing_else_does(shared_larder: Larder, tmp_path: Path) -> None:
    requires = b"mip-egg-need>=1\n\n[extra]\nmip-one\n"
    egg = {"mip_egg.egg-info/requires.txt": requires, "mip_egg.egg-info/x.py": b"no"}
    put(shared_larder, make_wheel(tmp_path, "mip-egg-need", "1.0", None))
    contents = {**sdist_contents("mip-egg", "1.0"), **egg}
    put(shared_larder, make_archive(tmp_path / "mip-egg-1.0.tar.gz", "mip-egg-1.0", contents))
    assert needs(shared_larder, "mip-egg") == {"mip-egg-need": "latest~mip-egg"}


def test_mpremote_installs_on_a_board(shared_larder: Larder, tmp_path: Path) -> None:
    modules = {"mip_remote/__init__.py": b"x = 1\n"}
    put(shared_larder, make_wheel(tmp_path, "mip-remote-need", "1.0"))
    put(shared_larder, make_wheel(tmp_path, "mip-remote", "1.0", modules, Requires_Dist="mip-remote-need"))
    board = tmp_path / "board"
    board.mkdir()
    with plug_in(board) as device:
        command: list[str | Path] = [find_client("mpremote"), "connect", device, "resume", "mip", "install"]
        command += ["--target", "lib", "--index", f"{shared_larder.url}/mip", "Mip_Remote@1.0"]
        done = run_client(command, tmp_path / "home")
    assert installed(board) == {
        "lib/mip_remote.py": "version = '1.0'\n",
        "lib/mip_remote/__init__.py": "x = 1\n",
        "lib/mip_remote_need.py": "version = '1.0'\n",
    }, done.stdout


@contextlib.contextmanager
def plug_in(directory: Path) -> Iterator[str]:
    """A board with this file system; its device."""
    ours, device = pty.openpty()
    tty.setraw(device)
    command = [*find_micropython(), str(HERE / "tests/clients/boards/repl.py")]
    with subprocess.Popen(command, stdin=ours, stdout=ours, cwd=directory) as board:
        try:
            yield os.ttyname(device)
        finally:
            board.kill()
            os.close(ours)
            os.close(device)


def test_a_repository_of_its_own_has_its_own(larder: Larder, tmp_path: Path) -> None:
    larder.rule('[repositories.team]\nupload = ["authenticated"]\n')
    wait_until(lambda: larder.get("/repositories/team/simple/").status == 200)
    at = "/repositories/team"
    wheels = [make_wheel(tmp_path, "mip-theirs", "1.0", None, Requires_Dist="mip-other")]
    put(larder, *wheels, make_wheel(tmp_path, "mip-other", "1.0", None), at=at)
    put(larder, make_wheel(tmp_path / "other", "mip-theirs", "2.0", None))
    install(larder, tmp_path / "board", "mip-theirs", at=at)
    assert installed(tmp_path / "board") == {
        "mip_theirs.py": "version = '1.0'\n", "mip_other.py": "version = '1.0'\n"
    }  # fmt: skip


def test_what_is_unpacked_is_served_from_disk_alone(larder: Larder, tmp_path: Path) -> None:
    put(larder, make_wheel(tmp_path, "mip-steady", "1.0"))
    unasked = make_wheel(tmp_path, "mip-unasked", "1.0")
    assert larder.upload(unasked, "/", AUTH).status == 200
    with larder.without("indexer", "uploader"):
        install(larder, tmp_path / "board", "mip-steady")
        assert ask(larder, package("mip-unasked")).status == 503
    assert installed(tmp_path / "board") == {"mip_steady.py": "version = '1.0'\n"}


def test_nothing_that_is_not_here_is_found(shared_larder: Larder, tmp_path: Path) -> None:
    put(shared_larder, make_wheel(tmp_path, "mip-here", "1.0"))
    for path in (
        package("mip-nowhere"), package("mip-here", "2.0"), package("mip-here", "one"), package("mip-here", ".."),
        package("mip-here", "1.0/../2.0"), f"/mip/file/ab/{'ab' * 32}", "/mip/file/ab/abcd", "/mip/", "/mip",
        "/mip/package/6/mip-here/1.0", "/.needed/mip-here/~x~", "/unpacked/files/", "/upip/mip-here/2.0.tar.gz",
        "/upip/.removed/x-1.0.tar.gz", "/upip/mip_here-1.0-py3-none-any.whl",
    ):  # fmt: skip
        assert ask(shared_larder, path).status in (404, 400), path


def test_an_archive_that_fits_on_no_board_is_refused_once_and_for_all(shared_larder: Larder, tmp_path: Path) -> None:
    many = {f"many/m{n}.py": b"" for n in range(1100)}
    wheel = make_wheel(tmp_path, "mip-many", "1.0", many)
    assert shared_larder.upload(wheel, "/", AUTH).status == 200
    answers = [wait_until(lambda: refused(shared_larder, package("mip-many"))) for _ in range(2)]
    assert answers == [f"{wheel.name!r} holds more files than fit on a board; expected at most 1000, and 4 MiB\n"] * 2


def refused(larder: Larder, path: str) -> str:
    answer = ask(larder, path)
    return answer.text if answer.status == 404 and "board;" in answer.text else ""


def test_what_is_removed_of_it_comes_back(shared_larder: Larder, tmp_path: Path) -> None:
    put(shared_larder, make_wheel(tmp_path, "mip-heals", "1.0"))
    ((_, digest),) = json.loads(ask(shared_larder, package("mip-heals")).body)["hashes"]
    path = f"/mip/file/{digest[:2]}/{digest}"
    assert ask(shared_larder, path).body == b"version = '1.0'\n"
    board_file(shared_larder.paths.default, digest).unlink()
    wait_until(lambda: ask(shared_larder, path).status == 200, 30)


@pytest.mark.parametrize(
    ("parts", "in_wheel", "in_sdist"),
    [
        (("demo", "x.py"), "demo/x.py", "x.py"),
        (("demo", "src", "pkg", "x.py"), "demo/src/pkg/x.py", "pkg/x.py"),
        (("demo", "setup.py"), "demo/setup.py", None),
        (("demo", "pkg", "setup.py"), "demo/pkg/setup.py", "pkg/setup.py"),
        (("demo", "pkg", "data.bin"), "demo/pkg/data.bin", "pkg/data.bin"),
        (("demo", "tests", "x.py"), "demo/tests/x.py", None),
        (("demo", "demo.egg-info", "x.py"), "demo/demo.egg-info/x.py", None),
        (("demo-1.0.dist-info", "x.py"), None, "x.py"),
        (("demo-1.0.data", "purelib", "x.py"), "x.py", "purelib/x.py"),
        (("demo-1.0.data", "scripts", "x.py"), None, None),
        (("demo", "..", "..", "x.py"), None, None),
        (("demo", "", "x.py"), None, None),
        (("demo", "LICENSE"), "demo/LICENSE", None),
        (("demo", "a b.py"), None, None),
        (("demo", ".hidden", "x.py"), None, None),
        (("demo", "x" * 200 + ".py"), None, None),
        (("x.py",), "x.py", None),
    ],
)
def test_only_what_a_board_can_use_goes_there(
    parts: tuple[str, ...], in_wheel: str | None, in_sdist: str | None
) -> None:
    assert (place_in_wheel(parts), place_in_sdist(parts)) == (in_wheel, in_sdist)


def test_needs_are_those_under_no_condition() -> None:
    said = [
        "a", "B_c==1.0", "d>=2", "e==1.*", "f; python_version<'3'", "g[x]", "not a requirement", "h===odd",
        "i @ http://x/",
        "j==nonsense", "",
    ]  # fmt: skip
    assert list_needs(said) == {
        "a": "latest", "b-c": "1.0", "d": "latest", "e": "latest", "g": "latest", "h": "latest", "i": "latest"
    }  # fmt: skip
