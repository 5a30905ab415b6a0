"""Cost follows the change: counts, in a directory of 20,000 files, not times."""

import contextlib
import io
import os
import re
import sqlite3
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.archives import core_metadata, make_wheel
from tests.conftest import Start
from tests.running import Larder, wait_until

FILES, PROJECTS = 20_000, 1_000


def fill(packages: Path) -> None:
    """Small wheels, made as fast as can be."""
    for number in range(FILES):
        name, version = f"p{number % PROJECTS:04d}", f"1.{number // PROJECTS}"
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(f"{name}-{version}.dist-info/METADATA", core_metadata(name, version))
        directory = packages / name[:3]
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}-{version}-py3-none-any.whl").write_bytes(content.getvalue())


def changed(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


@pytest.fixture
def big(start_larder: Start) -> Iterator[Larder]:
    """A Larder that has just begun to look at so many files."""
    larder = start_larder(LARDER_LOG_LEVEL="DEBUG")
    larder.stop()
    fill(larder.packages)
    starting = threading.Thread(target=larder.start)
    starting.start()
    yield larder
    starting.join()


def health(larder: Larder) -> str:
    try:
        return larder.get("/health").text
    except OSError:
        return ""


def test_cost_follows_the_change(big: Larder) -> None:
    wait_until(lambda: "looking at what there is" in health(big))
    wait_until(lambda: big.log.count("rendered p") > 0, 60)
    assert big.log.count("rendered p") < PROJECTS  # each as soon as it is complete, not all at the end
    wait_until(lambda: health(big) == "ok\n", 120)
    assert big.get("/simple/").text.count("<a ") == PROJECTS
    assert re.search(r"read \d+ of 20000 files", big.log)
    assert all(f"rendered p{number:04d}" in big.log for number in range(PROJECTS))
    assert big.log.count("indexer: DEBUG read '") == FILES

    reads_and_writes_of_one_new_file(big)
    reads_and_writes_of_a_restart(big)


LATER = (".versions", "people", "catalogue")  # for which nobody waits: they are made while this goes on


def site_of(big: Larder) -> dict[str, tuple[int, int]]:
    """Every page as readers reach it, and its identity."""
    found = {}
    for directory, names, filenames in os.walk(big.data / "site", followlinks=True):
        names[:] = [name for name in names if name not in LATER]
        for path in (Path(directory, name) for name in filenames):
            found[str(path.relative_to(big.data))] = (path.lstat().st_ino, path.lstat().st_mtime_ns)
    return found


def known_of(state: Path) -> list[Any]:
    """What was learnt from the files and written of pages, row by row."""
    with contextlib.closing(sqlite3.connect(state)) as known:
        sets = "select * from sets where name like 'projects/%' or name like 'boards/%' or name = 'overview'"
        return [known.execute(query).fetchall() for query in ("select * from files", "select * from beside", sets)]


def reads_and_writes_of_one_new_file(big: Larder) -> None:
    before, said = site_of(big), len(big.log)
    wheel = make_wheel(big.packages.parent, "p0007", "2.0").rename(big.packages / "p0007-2.0-py3-none-any.whl")
    big.wait_listed("p0007", wheel)
    wait_until(lambda: "site/default/overview/counts.html" in changed(before, site_of(big)))
    news = big.log[said:]
    assert news.count("DEBUG read '") == 1
    assert re.findall(r"rendered (.*):", news) == ["p0007"]
    after = changed(before, site_of(big))
    of_project = {path for path in after if path.split("/")[2] in ("projects", "boards")}
    assert set(after) - of_project == {
        f"site/default/packages/{wheel.name}.metadata",
        "site/default/overview/counts.html",
    }
    assert {path.split("/")[3] for path in of_project} == {"p0007"}


def reads_and_writes_of_a_restart(big: Larder) -> None:
    big.stop()
    state = big.data / "state/default/index.sqlite3"
    before, known = site_of(big), known_of(state)
    said = len(big.log)
    big.start()
    wait_until(lambda: re.search(r"reconciled 20001 files in .*: 0 read, 0 being read", big.log[said:]), 30)
    wait_until(lambda: big.get("/health").status == 200, 30)
    assert "rendered p" not in big.log[said:]
    assert "DEBUG read '" not in big.log[said:]
    assert site_of(big) == before
    assert known_of(state) == known
    big.wait_listed("p0007", make_wheel(big.packages, "p0007", "3.0"))


def test_a_copy_that_grows_slowly_is_not_read_over_and_over(start_larder: Start, tmp_path: Path) -> None:
    larder = start_larder(LARDER_LOG_LEVEL="DEBUG")
    wheel = make_wheel(tmp_path, "grows", "1.0", {"noise": os.urandom(1 << 20)})
    with (larder.packages / wheel.name).open("wb") as file:
        for start in range(0, wheel.stat().st_size, 4096):
            file.write(wheel.read_bytes()[start : start + 4096])
            file.flush()
    larder.wait_listed("grows", wheel)
    assert larder.log.count("DEBUG read '") < 20
