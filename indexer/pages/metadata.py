"""The core metadata of wheels, by itself (PEP 658: the file's URL and `.metadata`)."""

from indexer.model import ProjectDetail
from indexer.pages.companion import Companion
from store.names import METADATA as SUFFIX

__all__ = ["SUFFIX", "list_metadata"]


def list_metadata(detail: ProjectDetail) -> dict[str, Companion]:
    announced = ((file, digest) for file in detail.files if (digest := detail.metadata_digest_of(file)))
    return {f"packages/{file.path}{SUFFIX}": Companion(digest, file) for file, digest in announced}
