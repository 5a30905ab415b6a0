"""What is done with raw files on the disk, beside the event loop."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from store.errors import AlreadyExists, shown
from store.files import check_access, make_newer_than, sweep_incoming
from store.policy import Policy
from store.syncs import sync_directory
from uploader.answers import HttpRefusal
from uploader.files import tree
from uploader.files.address import Address
from uploader.files.conditions import Conditions, entity_tag
from uploader.files.listing import Listing, read_entries
from uploader.placing import Outcome, place_bytes
from uploader.upload.arriving import Arriving

NO_DIRECTORY = (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
LEFT = 86_400.0  # seconds after which what a crash left is not waited for


def nothing_at(address: Address) -> HttpRefusal:
    return HttpRefusal(404, f"{shown(address.path)} is not here")


@contextlib.contextmanager
def explained(address: Address) -> Iterator[None]:
    """Turn what the way there makes impossible into an HttpRefusal. What is raised else is the disk's own."""
    try:
        yield
    except FileNotFoundError as error:
        raise nothing_at(address) from error
    except PermissionError as error:
        expected = f"expected directories that uid {os.geteuid()} may write in"
        raise HttpRefusal(503, f"{shown(address.path)}: {error.strerror}; {expected}") from error
    except OSError as error:
        if error.errno in NO_DIRECTORY:
            raise HttpRefusal(409, f"{shown(address.path)} leads through what is no directory") from error
        raise


def look(address: Address) -> os.stat_result | None:
    """What is there; OSError where the way there is none."""
    if not address.parts:
        return address.store.directory.stat()
    with tree.opened(address.store, address.parts[:-1]) as directory:
        return tree.look(directory / address.parts[-1])


def check_early(address: Address, conditions: Conditions, policy: Policy, length: int | None) -> None:
    """Refuse, before it is sent, what will not be stored as things are now."""
    try:
        facts = look(address)
    except OSError:
        facts = None
    conditions.check(facts)
    if facts and tree.is_file(facts) and not policy.overwrite and length not in (None, facts.st_size):
        raise AlreadyExists(f"File already exists: {address.path} has {facts.st_size} bytes, not {length}")


def store(
    address: Address, file: Arriving, conditions: Conditions, policy: Policy, removed: int
) -> tuple[Outcome, str]:
    """Place the durable file if the conditions hold, newer than what was `removed`; what came of it, and its tag."""
    with tree.opened_made(address) as directory:
        target = directory / address.parts[-1]
        facts = tree.look(target)
        conditions.check(facts)
        if facts is not None and not tree.is_file(facts):
            raise HttpRefusal(409, f"{address.path} is a directory or a link; expected a file, or nothing")
        incoming = file.stored()
        make_newer_than(incoming.file, removed)
        outcome = place_bytes(incoming, file.digest("sha256_digest"), target, overwrite=policy.overwrite)
        placed = target.stat() if outcome is Outcome.SAME else os.fstat(incoming.file.fileno())
        return outcome, entity_tag(placed)


def remove(address: Address, conditions: Conditions) -> int:
    """Remove the file, or the directory that is empty; when it was changed last, in seconds."""
    with tree.opened(address.store, address.parts[:-1]) as directory:
        target: Path = directory / address.parts[-1]
        facts = tree.look(target)
        conditions.check(facts)
        if facts is None or not (tree.is_file(facts) or tree.is_directory(facts)):
            raise nothing_at(address)
        if tree.is_directory(facts) != address.is_directory:
            raise HttpRefusal(409, f"{address.path} is {_KINDS[tree.is_directory(facts)]}")
        if address.is_directory:
            _remove_directory(target, address)
        else:
            target.unlink()
        sync_directory(directory)
        return int(facts.st_mtime)


_KINDS = {True: "a directory; expected its name with a slash", False: "a file; expected its name without a slash"}


def _remove_directory(target: Path, address: Address) -> None:
    sweep_incoming(target, LEFT)
    try:
        target.rmdir()
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise HttpRefusal(409, f"{address.path} is not empty; expected its files to be removed first") from error
        raise


def list_directory(address: Address, after: str) -> Listing:
    """PermissionError where nginx could not read it: what only a capability can is not meant for others."""
    with tree.opened(address.store, address.parts) as directory:
        check_access(directory, ".")
        return read_entries(directory, address.path, after)


def time_of(directory: Path) -> int:
    """In seconds; 0 where it cannot be seen."""
    try:
        return int(directory.stat().st_mtime)
    except OSError:
        return 0
