"""Which policy is in force: one decision for all programs, and the one reader of `larder.toml`.

The indexer decides. It keeps the bytes it accepted, durably, in `state/`, and puts them in force in `run/`, where
uploader and nginx find them: a directory that is exchanged in one step, so that the two always go by the same
policy. It does not outlive the programs: until the first decision after a start nothing is given away.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from store import files
from store.data import Data
from store.errors import NAMED, BadPolicy, name_lines
from store.file_store import FileStore
from store.policy import Doubt, Policies
from store.policy_file import CLOSED, parse_policies
from store.repository import Repository
from store.sample import Sample, read_mark, read_sample
from store.switch import exchange
from store.ways import list_ways

SETTLED = 0.3  # seconds that a change has to last before it counts: an editor may be in the middle of it,
UNSURE = 0.7  # and more where the kernel does not say whether anybody is still writing

STAYS = "what was in force stays"
A_COMMENT = " until it says something (a lone comment will do)"
GIVES_NOTHING = "what cannot be gives nobody anything, and all the rest is in force"


class Put(NamedTuple):
    """What was put in force last: the policy, the ways of all that is served, and the inode of the directory."""

    content: bytes
    ways: dict[str, str]
    inode: int


class CurrentPolicy:
    """Decides what is in force. `look` is to be called several times a second.

    A missing or empty file after there was one, and one that cannot be read or parsed, changes nothing; `problem`
    then says so, and `public_problem` what anybody may know of it. A change counts once it has lasted for a moment and
    nobody has the file open for writing.
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self._kept = read_kept(data.kept_policy)
        self.served: tuple[Repository | FileStore, ...] = (data.default,)  # for which it is put in force
        self._seen: tuple[tuple[int, ...], float] | None = None  # what the file was like last, and since when
        self._decided: tuple[int, ...] | None = None  # what it was like when it was decided upon
        self._content: bytes | None = None  # in force
        self._put: Put | None = None
        self.policies = parse_policies(CLOSED)
        self.problem = self.public_problem = ""
        self.unkept = ""  # why what is in force would not outlive a stop

    def look(self, now: float) -> bool:
        """Decide again where something changed; True where another policy is in force now. `now` is in seconds.

        OSError where it cannot be put in force: then nothing is given away, and the next look tries again.
        """
        mark = read_mark(self._data.policy)
        if self._seen is None and self._is_as_kept(mark):
            self._seen = mark, float("-inf")
        if self._seen is None or self._seen[0] != mark:
            self._seen = mark, now
        lasted = now - self._seen[1]
        changed = mark != self._decided and lasted >= SETTLED and self._decide(mark, lasted)
        self._uphold()
        return changed

    def _is_as_kept(self, mark: tuple[int, ...]) -> bool:
        """Whether a start needs no waiting: the file is what it was when Larder stopped, or there never was one."""
        return read_sample(self._data.policy).content == self._kept if mark else not self._kept

    def _decide(self, mark: tuple[int, ...], lasted: float) -> bool:
        sample = read_sample(self._data.policy)
        if sample.mark != mark or (lasted < UNSURE and not sample.is_sure):
            return False  # it may still be on its way
        self._decided = None if sample.reason else mark  # what could not be read is tried again
        in_force = self._kept if self._content in (None, CLOSED) else self._content
        content, self.problem, self.public_problem = judge(sample, in_force)
        if content == self._content:
            return False
        self._content, self.policies = content, parse_policies(content)
        return True

    def _uphold(self) -> None:
        """See to it that what was decided is in force and kept: any of it may have been deleted."""
        if self._content is None:
            return
        ways = self._ways()
        if self._put is None or self._put[:2] != (self._content, ways) or not self._is_in_force(self._put):
            self._put_in_force(self._content, ways)
        if self._content != CLOSED and (self._content != self._kept or not self._data.kept_policy.exists()):
            self._keep(self._content)

    def _keep(self, content: bytes) -> None:
        try:
            files.write(self._data.kept_policy, content, durable=True)
        except OSError as error:
            self.unkept = f"the policy is in force, but cannot be kept for the next start: {error}"
        else:
            self._kept, self.unkept = content, ""

    def _is_in_force(self, put: "Put") -> bool:
        directory = self._data.policy_in_force
        names = (*put.ways, self._data.policy.name)
        return _inode_of(directory) == put.inode and all(os.path.lexists(directory / name) for name in names)

    def _ways(self) -> dict[str, str]:
        ways: dict[str, str] = {}
        for each in self.served:
            ways |= list_ways(self._data, each, self.policies.of(each.name))
        return ways

    def _put_in_force(self, content: bytes, ways: dict[str, str]) -> None:
        directory = self._data.policy_in_force
        new = directory.with_name(f".policy-{secrets.token_hex(8)}")
        try:
            self._write(new, content, ways)
            inode = _inode_of(new)
            exchange(directory, new)
        except OSError:
            with contextlib.suppress(OSError):
                directory.rename(new.with_name(f"{new.name}.closed"))  # in one step; the next time it is removed
            with contextlib.suppress(OSError):
                files.remove(new)
            raise
        self._put = Put(content, ways, inode)
        for old in directory.parent.glob(".policy-*"):
            if old != new:  # a request may be on its way through the one before
                files.remove(old)

    def _write(self, directory: Path, content: bytes, ways: dict[str, str]) -> None:
        for way, target in ways.items():
            (directory / way).parent.mkdir(parents=True, exist_ok=True)
            (directory / way).symlink_to(target)
        (directory / self._data.policy.name).write_bytes(content)


def _inode_of(directory: Path) -> int:
    """0 where there is no directory."""
    try:
        facts = directory.lstat()
    except OSError:
        return 0
    return facts.st_ino if stat.S_ISDIR(facts.st_mode) else 0


class Verdict(NamedTuple):
    """What is in force, and what is wrong: for who may know it, and for anybody."""

    content: bytes
    problem: str = ""
    public_problem: str = ""


def judge(sample: Sample, kept: bytes | None) -> Verdict:
    """After a look at the file, where `kept` was in force before (None: nothing ever)."""
    if sample.content is None and not sample.reason and not kept:
        return Verdict(b"")
    try:
        policies = read_usable(sample, kept)
    except BadPolicy as error:
        problem = f"{error}; {_stays(kept)}{'' if sample.reason or not _is_blank(sample) else A_COMMENT}"
        return Verdict(CLOSED if kept is None else kept, problem, problem)
    return Verdict(sample.content or b"", *_explain(policies.mistakes))


def read_usable(sample: Sample, kept: bytes | None) -> Policies:
    """The policies in it, or BadPolicy with the reason why they cannot be in force."""
    if sample.content is None:
        raise BadPolicy(sample.reason or "it is gone")
    if _is_blank(sample) and sample.content != kept:
        raise BadPolicy("it is empty")
    return parse_policies(sample.content)


def _is_blank(sample: Sample) -> bool:
    return not (sample.content or b"").removeprefix(b"\xef\xbb\xbf").strip()


def _explain(mistakes: Sequence[Doubt]) -> tuple[str, str]:
    """What is wrong, for who may know it, and for anybody."""
    if not mistakes:
        return "", ""
    named = "; ".join(map(str, mistakes[:NAMED]))
    more = f"; and {len(mistakes) - NAMED} more" if len(mistakes) > NAMED else ""
    public = f"{name_lines(mistake.line for mistake in mistakes)}: a value or key that cannot be; the log says which"
    return f"{named}{more}; {GIVES_NOTHING}", f"{public}; {GIVES_NOTHING}"


def _stays(kept: bytes | None) -> str:
    return STAYS if kept is not None else "nothing was in force before, so all is closed"


def read_kept(path: Path) -> bytes | None:
    """What was accepted last; None where there is nothing of the kind that can be used."""
    try:
        content = path.read_bytes()
        parse_policies(content)
    except (OSError, BadPolicy):
        return None
    return content


class InForce:
    """What uploads go by: read again whenever it was switched, or is not there."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._mark: tuple[int, ...] = ()
        self._policies: Policies | None = None

    def read(self) -> Policies | None:
        """As `read_in_force`. What is switched to is a new file, and never written again."""
        mark = read_mark(self._data.policy_in_force / self._data.policy.name)
        if not mark or mark != self._mark:
            self._policies, self._mark = read_in_force(self._data), mark
        return self._policies


_parse_once = lru_cache(1)(parse_policies)  # whoever asks: it is asked in many places, and at each request


def read_in_force(data: Data) -> Policies | None:
    """What uploads go by at this moment; None where nothing was decided yet."""
    try:
        return _parse_once((data.policy_in_force / data.policy.name).read_bytes())
    except (OSError, BadPolicy):
        return None
