"""What people see and do: in Chromium, under the page's own Content-Security-Policy."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.running import Larder

FILES = "/files/data/measured%20on%20Monday/"
PATHS = ("/", "/project/demo/", "/project/demo/0.9/", "/project/demo-widgets/", "/-/projects/", "/search?q=demo", FILES)
NARROW: Any = {"width": 320, "height": 640}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_used_by_everybody(page: Page, shown: Larder, path: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(shown.url + path)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_wider_than_a_phone(browser: Browser, shown: Larder, path: str) -> None:
    page = browser.new_page(viewport=NARROW)
    page.goto(shown.url + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.close()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_loaded_from_elsewhere_and_nothing_is_refused(page: Page, shown: Larder, path: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(shown.url + path, wait_until="networkidle")
    assert all(url.startswith(shown.url) for url in asked)
    assert not said


def test_a_readme_runs_nothing(page: Page, shown: Larder) -> None:
    page.goto(shown.url + "/project/demo/", wait_until="networkidle")
    page.get_by_text("click me").click()
    expect(page).to_have_title("demo 1.1")
    assert page.locator(".readme img, .readme script").count() == 0
    expect(page.get_by_text("build passing")).to_be_visible()


def test_the_start_page_finds_what_is_typed_and_shows_again_what_it_did(page: Page, shown: Larder) -> None:
    page.goto(shown.url)
    items = page.locator("#projects li")
    assert items.count() == 100
    box = page.get_by_role("searchbox")
    box.press_sequentially("Demo_W")
    expect(items).to_have_count(1)
    expect(items.first).to_contain_text("demo-widgets 2.0")
    box.fill("number 7")
    expect(items).to_have_count(11)
    expect(page.get_by_role("status")).to_have_text("11 found")
    box.fill("number")
    expect(page.get_by_role("status")).to_have_text("120 found, of which these are the first 100")
    box.fill("")
    expect(items).to_have_count(100)
    box.fill("demo")
    items.first.get_by_role("link").click()
    expect(page).to_have_title("demo 1.1")


def test_all_projects_are_filtered_as_one_types(page: Page, shown: Larder) -> None:
    page.goto(shown.url + "/-/projects/")
    visible = page.locator("#projects li:visible")
    expect(visible).to_have_count(122)
    page.get_by_role("searchbox").press_sequentially("widgets")
    expect(visible).to_have_count(1)


def test_without_scripts_it_is_all_there(browser: Browser, shown: Larder) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shown.url)
    page.get_by_role("searchbox").fill("widgets")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="demo-widgets").click()
    expect(page.get_by_role("heading", level=1).first).to_contain_text("demo-widgets 2.0")
    context.close()


def test_the_line_to_install_by_can_be_copied(browser: Browser, shown: Larder) -> None:
    context = browser.new_context(permissions=["clipboard-read"])
    page = context.new_page()
    page.goto(shown.url + "/project/demo/")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == f"pip install --index-url {shown.url}/simple/ demo"
    context.close()


def test_a_page_is_walked_through_with_the_keyboard(page: Page, shown: Larder) -> None:
    page.goto(shown.url + "/project/demo/")
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.textContent.trim()"))
    assert {"All projects", "Copy", "a link"} <= seen


def test_a_data_file_is_found_from_the_start_page(page: Page, shown: Larder) -> None:
    page.goto(shown.url)
    page.get_by_role("link", name="data", exact=True).click()
    page.get_by_role("link", name="measured on Monday/").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="y1.dat").click()
    assert Path(download.value.path()).read_bytes() == bytes(12_000)
    page.get_by_role("link", name="Larder").click()
    expect(page).to_have_title("Larder")
