"""Why a file is yanked (PEP 592): the content of the `.yanked` beside it."""

LIMIT = 2000  # characters of a reason
BYTES = 4 * LIMIT  # in which they are found


def read_reason(content: bytes) -> str:
    """The reason as pages show it, in one line; empty where none is given."""
    return " ".join(content[:BYTES].decode("utf-8", "replace").replace("\0", " ").split())[:LIMIT].rstrip()
