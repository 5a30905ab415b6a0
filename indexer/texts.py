"""Core metadata that was read lately, so that a wheel is not opened again to write it beside its page. No disk."""

from collections import OrderedDict

MOST = 16 << 20  # bytes


class RecentTexts:
    """Texts by their digest; of more than MOST bytes the oldest are dropped."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def put(self, digest: str, text: bytes) -> None:
        if digest and digest not in self._texts:
            self._texts[digest] = text
            self._size += len(text)
        while self._size > MOST:
            self._size -= len(self._texts.popitem(last=False)[1])

    def forget(self) -> None:
        """Drop all: of a file that came in the place of the same one nobody takes it."""
        self._texts.clear()
        self._size = 0

    def take(self, digest: str) -> bytes | None:
        """The text, if it is still here; from now on it is not, for it is written once."""
        text = self._texts.pop(digest, None)
        self._size -= len(text or b"")
        return text
