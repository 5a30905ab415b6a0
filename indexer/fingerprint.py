"""What tells whether something was made by the same code: our own, and the libraries it uses."""

import hashlib
import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path


def fingerprint(sources: Iterable[Path], libraries: Iterable[str]) -> str:
    """Changes whenever one of these files does, or the version of one of these libraries."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    for library in libraries:
        digest.update(f"{library} {version(library)}\n".encode())
    return digest.hexdigest()


def version(library: str) -> str:
    """What is installed says it by the name of the directory beside it (PEP 376); empty where it does not.

    `importlib.metadata` looks there as well, and takes 1.4 MB to do so.
    """
    spec = find_spec(library)
    if spec is None or spec.origin is None:
        return ""
    beside = os.listdir(Path(spec.origin).parent.parent)  # noqa: PTH208 - only names
    return " ".join(
        sorted(name for name in beside if name.lower().startswith(f"{library}-") and name.endswith("-info"))
    )


def boot() -> str:
    """Changes whenever the machine is started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
