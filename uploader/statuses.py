"""How a project is (PEP 792), for who wants to change something about it."""

from store.errors import BadName
from store.reading import read_start
from store.repository import Repository
from store.status import BYTES, Status, parse_status
from uploader.answers import HttpRefusal


def read_status(repository: Repository, project: str) -> Status | None:
    """None where nobody said; HttpRefusal where it cannot be told."""
    try:
        return parse_status(read_start(repository.status(project), BYTES))
    except FileNotFoundError:
        return None
    except (OSError, BadName) as error:
        raise HttpRefusal(403, f"the status of {project} cannot be told: {error}") from error
