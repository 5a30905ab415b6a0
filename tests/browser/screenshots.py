"""The pictures of the README: `python -m tests.browser.screenshots`, behind `scripts/screenshots`."""

import shutil
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

from tests.browser.conftest import fill
from tests.running import HERE, running_in, wait_until

PICTURES = HERE / "pictures"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    """A project's page, light and dark."""
    with tempfile.TemporaryDirectory() as directory:
        packages = Path(directory) / "data/packages"
        packages.mkdir(parents=True)
        fill(packages)
        with running_in(Path(directory)) as larder, sync_playwright() as playwright:
            wait_until(lambda: larder.get("/project/demo/").status == 200)
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for scheme in SCHEMES:
                page = browser.new_page(color_scheme=scheme, viewport={"width": 1100, "height": 900})
                page.goto(f"{larder.url}/project/demo/")
                page.screenshot(path=PICTURES / f"{scheme}.png")


if __name__ == "__main__":
    main()
