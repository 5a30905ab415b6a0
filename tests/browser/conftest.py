"""Fixtures: Chromium without a window, and a Larder for it to look at."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.archives import make_sdist, make_wheel
from tests.running import Larder, running_in, wait_until

README = Path(__file__).parent / "readme.md"
REQUIRES = "demo-widgets>=1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """As long as it runs there is an event loop, in which no test can have its own."""
    found = shutil.which("chromium")
    assert found, "no chromium; scripts/test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that has to stay free of errors."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """A Larder with something to look at."""
    place = tmp_path_factory.mktemp("shown")
    packages = place / "data/packages"
    packages.mkdir(parents=True)
    fill(packages)
    data_set = place / "data/files/data/measured on Monday"
    data_set.mkdir(parents=True)
    (data_set / "y1.dat").write_bytes(bytes(12_000))
    with running_in(place) as larder:
        wait_until(lambda: larder.get("/project/demo/").status == 200)
        wait_until(lambda: larder.get("/files/data/").status == 200)
        wait_until(lambda: "demo-widgets" in larder.get("/-/projects/").text)
        yield larder


def fill(packages: Path) -> None:
    text = f"text/markdown\n\n{README.read_text()}"
    for version in ("0.9", "1.0", "1.1"):
        make_wheel(
            packages, "demo", version, Summary="Shows what a page looks like", Requires_Python=">=3.9",
            Author_Email="Ann Lee <ann@example.org>", License_Expression="MIT",
            Requires_Dist=REQUIRES, Classifier="Development Status :: 4 - Beta",
            Project_URL="Source, https://source.example/demo", Description_Content_Type=text,
        )  # fmt: skip
    make_sdist(packages, "demo", "1.1")
    (packages / "demo-0.9-py3-none-any.whl.yanked").write_text("it broke")
    make_wheel(packages, "demo-widgets", "2.0", Summary="Widgets for it")
    for number in range(120):
        make_wheel(packages, f"other-{number}", "1.0", Summary=f"Number {number}")
