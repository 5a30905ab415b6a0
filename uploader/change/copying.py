"""A release of one repository → the same files in another: linked where that can be, and never other bytes."""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from packaging.utils import NormalizedName

from store import provenance
from store.below import opened_file
from store.errors import AlreadyExists, Refused
from store.files import Incoming, make_durable, open_incoming
from store.listing import Listed, read_listing
from store.names import PROVENANCE, SIGNATURE, Release, parse_filename, parse_version, readings
from store.policy import Policy
from store.repository import Repository
from uploader.answers import HttpRefusal
from uploader.placing import Outcome, read_digest
from uploader.statuses import read_status
from uploader.upload.store import find_place, store_distribution

UNLINKED = (errno.EXDEV, errno.EPERM, errno.EMLINK)  # why a file is copied: another disk or owner, too many links


class Original(NamedTuple):
    """A file of the release, open: `path` is where it is to lie, `beside` what lies beside it, by its suffix."""

    path: PurePosixPath
    project: NormalizedName
    digest: str
    beside: Mapping[str, bytes]
    file: BufferedReader


class Copied(NamedTuple):
    """What came of one file."""

    original: Original
    outcome: Outcome


def copy_release(source: Repository, target: Repository, release: Release, policy: Policy) -> list[Copied]:
    """Have all its files in the target, by the policy of that; the digests are compared with what the pages say.

    Refused or HttpRefusal, and nothing is changed, where one of them may not come.
    """
    if (status := read_status(source, release.project)) and status.is_withheld:
        raise HttpRefusal(403, f"{release.project} is {status.marker} in {source.name!r}, where nobody is offered it")
    with contextlib.ExitStack() as stack:
        originals = [stack.enter_context(_opened(source, listed, release)) for listed in _find(source, release)]
        for original in originals:
            _check(target, original, policy)
        return [Copied(original, _store(target, original, policy)) for original in originals]


def _find(source: Repository, release: Release) -> list[Listed]:
    listed = read_listing(source, release.project).values()
    found = [each for each in listed if parse_version(each.release) == release.version]
    if not found:
        raise HttpRefusal(404, f"{release} is not in the repository {source.name!r}")
    return found


@contextlib.contextmanager
def _opened(source: Repository, listed: Listed, release: Release) -> Iterator[Original]:
    """As long as this lasts; Refused where it is not to be passed on."""
    path = PurePosixPath(listed.path)
    if listed.yanked is not None:
        raise HttpRefusal(409, f"{path.name!r} is yanked in {source.name!r}; expected a release that is not")
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(opened_file(source, path))
        except OSError as error:
            raise HttpRefusal(409, f"{listed.path!r} in {source.name!r}: {error.strerror}; try again") from error
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != listed.digest:
            raise HttpRefusal(409, f"{listed.path!r} has sha256 {found}; its page says {listed.digest}")
        yield Original(_place(release.project, path.name), release.project, found, _read_beside(source, listed), file)


def _place(project: NormalizedName, filename: str) -> PurePosixPath:
    """In its project's directory where the name alone does not tell whose it is."""
    return PurePosixPath(project, filename) if len(readings(parse_filename(filename))) > 1 else PurePosixPath(filename)


def _read_beside(source: Repository, listed: Listed) -> dict[str, bytes]:
    """Signature and provenance; Refused where one is too large to be passed on."""
    beside = {}
    for suffix in (SIGNATURE, *([PROVENANCE] if listed.attested else [])):
        path = PurePosixPath(f"{listed.path}{suffix}")
        with contextlib.suppress(FileNotFoundError), opened_file(source, path) as file:
            beside[suffix] = file.read(provenance.LIMIT + 1)
            if len(beside[suffix]) > provenance.LIMIT:
                raise Refused(f"{str(path)!r} has more than {provenance.LIMIT >> 20} MiB; expected less")
    return beside


def _check(target: Repository, original: Original, policy: Policy) -> None:
    """HttpRefusal or AlreadyExists where the policy of the target does not take it."""
    size = os.fstat(original.file.fileno()).st_size
    if size > policy.max_upload:
        limit = f"expected at most max_upload = {policy.max_upload_text}"
        raise HttpRefusal(413, f"{original.path.name!r} has {size} bytes; {limit} of {target.name!r}")
    place = find_place(target, original, overwrite=policy.overwrite)
    if not policy.overwrite and place.exists() and not (place.is_file() and read_digest(place) == original.digest):
        raise AlreadyExists(f"File already exists: {place.name!r} with other bytes in {target.name!r}")


def _store(target: Repository, original: Original, policy: Policy) -> Outcome:
    """Linked; or copied where it cannot be, and where it takes the place of another, for that changes its time."""
    descriptor = original.file.fileno()
    make_durable(original.file)
    linked = Incoming(original.file, Path(f"/proc/self/fd/{descriptor}"))
    try:
        return store_distribution(target, original, linked, overwrite=False)
    except AlreadyExists:
        if not policy.overwrite:
            raise
    except OSError as error:
        if error.errno not in UNLINKED:
            raise
    original.file.seek(0)
    with open_incoming(target.packages) as incoming:
        shutil.copyfileobj(original.file, incoming.file)
        facts = os.fstat(descriptor)
        make_durable(incoming.file)
        os.utime(incoming.file.fileno(), ns=(facts.st_mtime_ns, facts.st_mtime_ns))
        return store_distribution(target, original, incoming, overwrite=policy.overwrite)
