"""A release of one repository → the same files in another: linked where that can be, and never other bytes."""

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import NamedTuple

from store.errors import AlreadyExists, Refused
from store.files import PREFIX, Incoming, copy_bytes, make_durable, open_incoming
from store.names import Release
from store.policy import Policy
from store.repository import Repository
from uploader.answers import FULL, HttpRefusal
from uploader.change.original import Original, opened_original, read_originals
from uploader.placing import Outcome, read_digest
from uploader.statuses import read_status
from uploader.upload.store import find_place, store_distribution

# Why a file is copied instead: another disk, mount or owner, too many links, or it was removed meanwhile.
UNLINKED = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOENT)


class Copied(NamedTuple):
    """What came of one file."""

    original: Original
    outcome: Outcome


def copy_release(
    source: Repository, target: Repository, release: Release, policy: Policy, note: Callable[[Copied], None]
) -> list[Copied]:
    """Have all its files in the target, by the policy of that; `note` is told of each that lies there.

    Refused or HttpRefusal, and nothing is changed, where one of them may not come; should one fail after others, it
    says so.
    """
    if (status := read_status(source, release.project)) and status.is_withheld:
        raise HttpRefusal(403, f"{release.project} is {status.marker} in {source.name!r}, where nobody is offered it")
    originals = read_originals(source, release)
    for original in originals:
        _check(target, original, policy)
    done: list[Copied] = []
    for original in originals:
        try:
            done.append(Copied(original, _store(source, target, original, policy)))
        except (OSError, Refused, HttpRefusal) as error:
            raise _explain(error, original, done) from error
        note(done[-1])
    return done


def _check(target: Repository, original: Original, policy: Policy) -> None:
    """HttpRefusal or AlreadyExists where the policy of the target does not take it."""
    name = original.path.name
    if original.size > policy.max_upload:
        limit = f"expected at most max_upload = {policy.max_upload_text}"
        raise HttpRefusal(413, f"{name!r} has {original.size} bytes; {limit} of {target.name!r}")
    place = find_place(target, original, overwrite=policy.overwrite)
    is_same = place.is_file() and read_digest(place) == original.digest
    if os.path.lexists(place) and not (is_same or (policy.overwrite and place.is_file())):
        raise AlreadyExists(f"File already exists: {name!r} with other bytes in {target.name!r}")
    for beside in (place.with_name(f"{place.name}{suffix}") for suffix in original.beside):
        if beside.is_dir():
            raise HttpRefusal(409, f"{beside.name!r} is a directory in {target.name!r}; expected a file, or nothing")


def _store(source: Repository, target: Repository, original: Original, policy: Policy) -> Outcome:
    """Linked; or copied where it cannot be, and where it takes the place of another, for that changes its time."""
    with opened_original(source, original) as file:
        with _linked(target, file) as linked:
            if linked is not None:
                with suppress(*([AlreadyExists] if policy.overwrite else [])):
                    return store_distribution(target, original, linked, overwrite=False)
        return _copy(target, original, file, overwrite=policy.overwrite)


@contextmanager
def _linked(target: Repository, file: BufferedReader) -> Iterator[Incoming | None]:
    """The file under another name, in the target for as long as this lasts; None where that cannot be.

    It is one file in both then, so nobody is to write into it.
    """
    make_durable(file)
    name = target.packages / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        os.link(f"/proc/self/fd/{file.fileno()}", name, src_dir_fd=file.fileno(), follow_symlinks=True)
    except OSError as error:
        if error.errno not in UNLINKED:
            raise
        yield None
        return
    try:
        with suppress(OSError):  # it is somebody else's, who let it be linked
            os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode & 0o7555)
        yield Incoming(file, name)
    finally:
        name.unlink(missing_ok=True)


def _copy(target: Repository, original: Original, file: BufferedReader, *, overwrite: bool) -> Outcome:
    with open_incoming(target.packages) as incoming:
        file.seek(0)
        if copy_bytes(file, incoming.file) != original.digest:
            raise HttpRefusal(409, f"{str(original.there)!r} changed while it was copied; try again")
        make_durable(incoming.file)
        mtime_ns = os.fstat(file.fileno()).st_mtime_ns
        os.utime(incoming.file.fileno(), ns=(mtime_ns, mtime_ns))
        return store_distribution(target, original, incoming, overwrite=overwrite)


def _explain(error: Exception, original: Original, done: list[Copied]) -> Exception:
    """The same error; or where others lie there already, one that says so."""
    if not done:
        return error
    status = error.status if isinstance(error, HttpRefusal) else 409
    if isinstance(error, OSError):
        status = 507 if error.errno in FULL else 503
    there = ", ".join(each.original.path.name for each in done)
    return HttpRefusal(status, f"{original.path.name}: {error}; copied were, before it, {there}")
