"""What a page set is to consist of, as it was rendered."""

from collections.abc import Mapping
from typing import NamedTuple

from indexer.forms import compress, digest_page


class Rendered(NamedTuple):
    """What a page set is to consist of: pages, and other names for them.

    What tells a page from any other before it is its text, or for what takes long to render its key: of all that it is
    rendered from. A page that has a key and no text stays as it is there.
    """

    pages: Mapping[str, bytes]
    fingerprint: str = ""  # of what all is rendered from; empty where that is to be asked of each page
    aliases: Mapping[str, str] = {}
    keys: Mapping[str, str] = {}
    squeezed: Mapping[str, bytes] = {}  # pages that were compressed already
    links: Mapping[str, str] = {}  # to what lies elsewhere, by name: where each leads, whether there is anything or not

    def digests(self) -> dict[str, str]:
        """What tells each page, by whatever name, from any other."""
        digests = {page: digest_page(content) for page, content in self.pages.items() if page not in self.keys}
        digests |= self.keys
        return digests | {alias: digests[page] for alias, page in self.aliases.items()} | dict(self.links)

    def forms(self, page: str) -> dict[str, bytes]:
        """By suffix: its text, and compressed where that saves something."""
        if page not in self.pages:
            raise FileNotFoundError(f"{page} was there, and is not any longer")
        if page in self.squeezed:
            return {"": self.pages[page], ".gz": self.squeezed[page]}
        return compress(page, self.pages[page])
