"""Whatever becomes of what is derived, on a running Larder: it comes back by itself, byte for byte."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import digest, make_board_sdist, make_wheel
from tests.conftest import Start
from tests.running import JSON, PASSWORD, USER, Larder, basic, form, running_in, wait_until

PAGES = ("/", "/-/larder.css", "/simple/", "/simple/demo/", "/demo/json", "/demo==1.0/json",
         "/packages/demo-1.0-py3-none-any.whl.metadata")  # fmt: skip


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """With one user, a project of a wheel and an sdist, and fifty others."""
    directory = tmp_path_factory.mktemp("heal")
    packages = directory / "data/packages"
    make_wheel(packages, "demo", "1.0")
    make_board_sdist(packages, "demo", "1.0", {"demo.py": b""})
    for number in range(50):
        make_wheel(packages, f"other-{number}", "1.0")
    with running_in(directory) as found:
        found.add_user()
        yield found


def answers(larder: Larder) -> dict[str, tuple[int, bytes]]:
    return {path: (answer.status, answer.body) for path, answer in zip(PAGES, map(larder.get, PAGES), strict=True)}


def good_answers(larder: Larder) -> dict[str, tuple[int, bytes]]:
    """What is answered while nothing is amiss."""
    wait_until(lambda: {status for status, _ in answers(larder).values()} == {200}, 30)
    wait_until(lambda: is_told_of_all(larder), 30)
    return answers(larder)


def is_told_of_all(larder: Larder) -> bool:
    """Whether the start page shows each project as the simple pages have it."""
    try:
        told = {name: version for name, version, *_ in larder.get("/-/projects.json").json()}
        listed = {project["name"] for project in larder.get("/simple/", Accept=JSON).json()["projects"]}
        latest = {name: max(file.split("-")[1] for file in larder.detail(name)) for name in listed}
    except ValueError:  # a page that is not made anew yet
        return False
    return told.keys() == listed and all(latest[name].startswith(version or "x") for name, version in told.items())


def remove(path: Path) -> None:
    subprocess.run(["rm", "-rf", str(path)], check=False)  # it may meet what is being made anew


def empty(path: Path) -> None:
    """As a power cut can leave files."""
    for file in path.rglob("*") if path.is_dir() else (path,):
        if file.is_file():
            file.write_bytes(b"")


PARTS = ["", "projects", ".versions", "packages", "overview", "projects/demo", "projects/demo/simple.html"]


@pytest.mark.parametrize(
    ("part", "harm"),
    [*((part, remove) for part in PARTS), *((part, empty) for part in (".versions", "packages"))],
)
def test_a_part_of_the_site_that_is_lost_or_emptied_comes_back(
    larder: Larder, part: str, harm: Callable[[Path], None]
) -> None:
    before = good_answers(larder)
    harm(larder.data / "site/default" / part)
    wait_until(lambda: answers(larder) == before, 30)
    wait_until(lambda: larder.get("/simple/other-49/").status == 200, 30)


def test_deleted_directories_of_everything_derived_come_back(larder: Larder, tmp_path: Path) -> None:
    before = good_answers(larder)
    for name in ("site", "state"):
        for path in (larder.data / name).iterdir():
            remove(path)
    wait_until(lambda: answers(larder) == before, 30)
    wheel = make_wheel(tmp_path, "after", "1.0")
    body, headers = form(wheel)
    assert larder.request("POST", "/", body, headers | basic(USER, PASSWORD)).status == 200
    assert larder.digest("after", wheel.name) == digest(wheel)
    wait_until(lambda: "after" in larder.get("/simple/").text)


@pytest.mark.parametrize(("name", "part"), [("site", "default"), ("state", "larder.toml")])
def test_a_whole_directory_that_is_deleted_comes_back(larder: Larder, name: str, part: str) -> None:
    before = good_answers(larder)
    (larder.data / name).rename(larder.data / f".{name}-{time.monotonic_ns()}")
    wait_until(lambda: (larder.data / name / part).exists() and answers(larder) == before, 30)
    wait_until(lambda: larder.get("/health").status == 200, 30)


@pytest.mark.parametrize("name", ["projects", ".versions", "packages"])
def test_a_file_in_the_place_of_a_directory_is_removed(larder: Larder, name: str) -> None:
    before = good_answers(larder)
    path = larder.data / "site/default" / name
    path.rename(path.with_name(f".{name}-{time.monotonic_ns()}"))
    path.write_text("in the way")
    wait_until(lambda: answers(larder) == before, 30)


def test_pages_that_may_not_be_read_are_made_anew(larder: Larder) -> None:
    before = good_answers(larder)
    for page in (larder.data / "site/default/projects/demo").iterdir():
        page.chmod(0)
    wait_until(lambda: answers(larder) == before, 30)


def test_a_torn_listing_does_no_harm_to_an_upload(larder: Larder, tmp_path: Path) -> None:
    listing = larder.data / "site/default/projects/demo/listing.json"
    listing.write_bytes(listing.read_bytes()[:20])
    wheel = make_wheel(tmp_path, "demo", "2.0")
    body, headers = form(wheel)
    assert larder.request("POST", "/", body, headers | basic(USER, PASSWORD)).status == 200
    assert larder.digest("demo", wheel.name) == digest(wheel)


@pytest.mark.parametrize("name", ["index.sqlite3"])
@pytest.mark.parametrize("harm", ["garbled", "directory"])
def test_a_damaged_state_is_begun_anew_at_the_next_start(start_larder: Start, name: str, harm: str) -> None:
    larder = start_larder()
    wheel = make_wheel(larder.packages, "demo", "1.0")
    larder.wait_listed("demo", wheel)
    larder.stop()
    file = larder.data / "state/default" / name
    if harm == "garbled":
        file.write_bytes(file.read_bytes()[:2000] + b"\xff" * 8000)
    else:
        file.unlink()
        (file / "inner").mkdir(parents=True)
    larder.start()
    larder.wait_listed("demo", wheel)
    larder.wait_listed("next", make_wheel(larder.packages, "next", "1.0"))


def test_pages_put_back_from_an_old_backup_are_made_anew(start_larder: Start) -> None:
    larder = start_larder()
    larder.wait_listed("demo", make_wheel(larder.packages, "demo", "1.0"))
    larder.stop()
    shutil.copytree(larder.data / "site", larder.data.parent / "backup", symlinks=True)
    larder.start()
    wheel = make_wheel(larder.packages, "demo", "2.0")
    larder.wait_listed("demo", wheel)
    larder.stop()
    shutil.rmtree(larder.data / "site")
    shutil.copytree(larder.data.parent / "backup", larder.data / "site", symlinks=True)
    larder.start()
    larder.wait_listed("demo", wheel)
