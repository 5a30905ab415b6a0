"""What is done with raw files on the disk, beside the event loop."""

import errno
import os
from pathlib import Path

from store.errors import AlreadyExists, shown
from store.policy import Policy
from store.syncs import sync_directory
from uploader.answers import HttpRefusal
from uploader.files import tree
from uploader.files.address import Address
from uploader.files.conditions import Conditions
from uploader.files.listing import Listing, read_entries
from uploader.placing import Outcome, place_bytes
from uploader.upload.arriving import Arriving

NO_DIRECTORY = (errno.ENOTDIR, errno.ELOOP)


def nothing_at(address: Address) -> HttpRefusal:
    return HttpRefusal(404, f"{shown(address.path)} is not here")


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


def store(address: Address, file: Arriving, conditions: Conditions, policy: Policy) -> Outcome:
    """Place the durable file, if the conditions hold of what is there now."""
    try:
        with tree.opened_made(address.store, address.parts[:-1]) as directory:
            target = directory / address.parts[-1]
            facts = tree.look(target)
            conditions.check(facts)
            if facts is not None and not tree.is_file(facts):
                raise HttpRefusal(409, f"{address.path} is a directory or a link; expected a file, or nothing")
            return place_bytes(file.stored(), file.digest("sha256_digest"), target, overwrite=policy.overwrite)
    except OSError as error:
        if error.errno in NO_DIRECTORY:
            raise HttpRefusal(409, f"{address.path} leads through what is no directory") from error
        raise


def remove(address: Address, conditions: Conditions) -> None:
    with tree.opened(address.store, address.parts[:-1]) as directory:
        target: Path = directory / address.parts[-1]
        facts = tree.look(target)
        conditions.check(facts)
        if address.is_directory and tree.is_directory(facts):
            _remove_directory(target, address)
        elif tree.is_file(facts) and not address.is_directory:
            target.unlink()
        else:
            raise nothing_at(address)
        sync_directory(directory)


def _remove_directory(target: Path, address: Address) -> None:
    try:
        target.rmdir()
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise HttpRefusal(409, f"{address.path} is not empty; expected its files to be removed first") from error
        raise


def list_directory(address: Address, after: str) -> Listing:
    with tree.opened(address.store, address.parts) as directory:
        return read_entries(directory, address.path, after)
