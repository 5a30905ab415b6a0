"""The limits of indexing and exporting: what the standard library takes to read, copy and look at every file."""

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Sequence
from email.parser import BytesHeaderParser
from pathlib import Path

from scripts.bench.cores import do_all

TOGETHER = 20  # files that a process is given at once


def stat_all(directory: Path) -> None:
    """Look at every file's facts, as a restart must."""
    for entry in os.scandir(directory):
        entry.stat(follow_symlinks=False)


def copy_all(source: Path, target: Path) -> None:
    """Copy every file, read once and digested on the way, each durable."""
    target.mkdir()
    for entry in os.scandir(source):
        content = Path(entry.path).read_bytes()
        hashlib.sha256(content).hexdigest()
        with (target / entry.name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def read_all(files: Sequence[Path]) -> None:
    """sha256 and metadata of every file, on all cores.

    The least that says which release a file is: of a wheel its directory and METADATA; of an sdist the stream to its
    end, where its checksum is, and the PKG-INFO nearest the top, which is known when all members were come by.
    """
    do_all(read_one, files, TOGETHER)


def read_one(file: Path) -> tuple[str, str, str]:
    """Digest, name and version of one file, which is read once."""
    content = file.read_bytes()
    text = _metadata_of_wheel(content) if file.suffix == ".whl" else _metadata_of_sdist(content)
    fields = BytesHeaderParser().parsebytes(text)
    return hashlib.sha256(content).hexdigest(), str(fields["Name"]), str(fields["Version"])


def _metadata_of_wheel(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def _metadata_of_sdist(content: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        found = [member for member in archive if member.name.endswith("/PKG-INFO")]
        nearest = min(found, key=lambda member: member.name.count("/"))
        text = archive.extractfile(nearest)
        assert text is not None  # noqa: S101 - it is a file in every archive that is made here
        return text.read()
