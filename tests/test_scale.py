"""Cost follows the change: counts, in a directory of 20,000 files, not times."""

import io
import os
import re
import zipfile
from pathlib import Path

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
def big(start_larder: Start, tmp_path: Path) -> Larder:
    fill(tmp_path / "data/packages")
    return start_larder(LARDER_LOG_LEVEL="DEBUG")


def test_cost_follows_the_change(big: Larder) -> None:
    wait_until(lambda: big.log.count("rendered p") > 0, 60)
    served_early = big.get("/simple/").text.count("<a ")
    assert served_early < PROJECTS  # each as soon as it is rendered, not all at the end
    wait_until(lambda: len(big.get("/simple/").text.split("<a ")) == PROJECTS + 1, 120)
    assert re.search(r"read \d+ of 20000 files", big.log)
    assert all(f"rendered p{number:04d}" in big.log for number in range(PROJECTS))
    assert big.log.count("indexer: DEBUG read '") == FILES

    reads_and_writes_of_one_new_file(big)
    reads_and_writes_of_a_restart(big)


def reads_and_writes_of_one_new_file(big: Larder) -> None:
    before, said = big.site_snapshot(), len(big.log)
    wheel = make_wheel(big.packages.parent, "p0007", "2.0").rename(big.packages / "p0007-2.0-py3-none-any.whl")
    big.wait_listed("p0007", wheel)
    wait_until(lambda: "site/-/counts.html" in changed(before, big.site_snapshot()))
    news = big.log[said:]
    assert news.count("DEBUG read '") == 1
    assert re.findall(r"rendered (.*):", news) == ["p0007"]
    names = {f"index.{kind}{suffix}" for kind in ("html", "json") for suffix in ("", ".gz")}
    links = {f"index.v1html{suffix}" for suffix in ("", ".gz")}
    pages = {f"site/simple/p0007/{name}" for name in names | links}
    metadata = {f"site/packages/{wheel.name}.metadata{suffix}" for suffix in ("", ".gz")}
    counts = {f"site/-/counts.html{suffix}" for suffix in ("", ".gz")}
    assert changed(before, big.site_snapshot()) == pages | metadata | counts


def reads_and_writes_of_a_restart(big: Larder) -> None:
    before, state = big.site_snapshot(), big.data / "state/learnt.sqlite3"
    learnt = state.stat().st_mtime_ns
    big.stop()
    said = len(big.log)
    big.start()
    wait_until(lambda: "reconciled 20001 files: 0 read, 0 being read, 0 projects rendered" in big.log[said:], 30)
    assert "rendered p" not in big.log[said:]
    assert "DEBUG read '" not in big.log[said:]
    assert big.site_snapshot() == before
    assert state.stat().st_mtime_ns == learnt
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
