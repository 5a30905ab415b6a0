"""The style sheet and the script of the pages that people see."""

from pathlib import Path

from indexer.model import Overview

_FILES = {f"static/{path.name}": path.read_bytes() for path in sorted((Path(__file__).parent / "static").iterdir())}


def render_static(_: Overview) -> dict[str, bytes]:
    return _FILES
