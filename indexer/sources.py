"""What a release is known by once it is unpacked for boards: another name for other bytes, or made by other code.

After the machine was started it is another one, too: what was unpacked before may hold anything after a power cut.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from indexer.fingerprint import boot, fingerprint
from indexer.model import ListedFile
from store.boards import DIGITS

_HERE = Path(__file__).parent
_MADE_BY = ("unpack.py", "board_contents.py", "pages/mip.py", "describe.py")


def source_of(project: str, file: ListedFile) -> str:
    known = (_made_by(), project, file.release, file.distribution.digest)
    return sha256(repr(known).encode("utf-8", "surrogateescape")).hexdigest()[:DIGITS]


@lru_cache(1)
def _made_by() -> str:
    return f"{boot()} {fingerprint((_HERE / name for name in _MADE_BY), ('packaging',))}"
