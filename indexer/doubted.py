"""Files that are to be read again, whatever is known of them: whoever verifies says so, and the indexer takes it up."""

import json
from collections.abc import Iterable

from store import files
from store.repository import Repository


def doubt(repository: Repository, paths: Iterable[str]) -> None:
    """Have these paths below `packages/` read again: soon, or by an indexer that is started later."""
    repository.doubted.parent.mkdir(parents=True, exist_ok=True)
    files.write(repository.doubted, json.dumps(sorted({*take_doubted(repository), *paths})).encode())


def take_doubted(repository: Repository) -> list[str]:
    """What was doubted since this was asked last."""
    try:
        content = repository.doubted.read_bytes()
        repository.doubted.unlink()
        found = json.loads(content)
    except (OSError, ValueError):
        return []
    return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []
