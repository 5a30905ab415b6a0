"""What a project's simple page lists, for the uploader, which waits for it; nginx does not serve it."""

from indexer.model import ProjectDetail
from store.listing import Listed, render_listing

LISTING = "listing.json"  # `store.repository` tells the uploader so


def render_listing_file(detail: ProjectDetail) -> dict[str, bytes]:
    entries = (
        Listed(file.path, file.distribution.digest, file.release, file.yanked, file.attested) for file in detail.files
    )
    return {LISTING: render_listing(entries)}
