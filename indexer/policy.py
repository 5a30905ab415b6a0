"""`larder.toml` as the indexer sees it: in force whenever it changes, kept where it cannot be used."""

import logging
import time
from pathlib import Path

from indexer.site import Site
from store.errors import BadPolicy
from store.layout import Layout
from store.policy import Policy, read_accepted, read_policy

log = logging.getLogger(__name__)

SETTLED = 0.3  # seconds


class PolicyWatch:
    """Puts `larder.toml` in force whenever it changes; what was in force stays where it cannot be used."""

    def __init__(self, layout: Layout, site: Site) -> None:
        self._layout = layout
        self._site = site
        self._seen: tuple[int, ...] | None = None
        self._glimpsed: tuple[tuple[int, ...], float] = (), 0.0  # what it was like last, and since when

    def put_in_force_again(self) -> None:
        """For when what `follow` wrote was lost."""
        self._seen = None

    def follow(self) -> None:
        """To be called often: a change counts once it has lasted, for an editor may be in the middle of it.

        While a file is replaced it can be empty or gone, which would mean every default: open reading.
        """
        facts, now = _facts(self._layout.policy), time.monotonic()
        if facts != self._glimpsed[0]:
            self._glimpsed = facts, now
        if facts == self._seen or (self._seen is not None and now - self._glimpsed[1] < SETTLED):
            return
        first, self._seen = self._seen is None, facts
        try:
            policy = read_policy(self._layout.policy)
        except BadPolicy as error:
            log.error("refused the policy, what was in force stays: %s", error)
            if first:
                self._site.write_policy(read_accepted(self._layout.accepted_policy))
            return
        self._accept(policy)

    def _accept(self, policy: Policy) -> None:
        self._site.write_policy(policy)
        text = self._layout.policy.read_bytes() if self._layout.policy.exists() else b""
        copy = self._layout.accepted_policy
        if not copy.exists() or copy.read_bytes() != text:
            temporary = copy.with_suffix(".new")
            temporary.write_bytes(text)
            temporary.replace(copy)
        log.info("put the policy in force: %s", policy)


def _facts(path: Path) -> tuple[int, ...]:
    try:
        facts = path.stat()
    except OSError:
        return ()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
