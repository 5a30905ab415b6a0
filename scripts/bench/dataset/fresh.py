"""Distributions that the data set does not have, to be uploaded or dropped: made once, then kept beside it."""

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from scripts.bench.cores import do_all
from scripts.bench.dataset import VERSION
from scripts.bench.dataset.archives import CODE_RATIO, make_archive
from scripts.bench.dataset.plan import Distribution, Kind
from scripts.bench.dataset.texts import code, core_metadata, source

LARGE = 50_000_000  # bytes from which on a wheel is written piece by piece
FIRST = 10_000_000  # no file of a data set has so high a number


@dataclass(frozen=True)
class Fresh:
    """One of them, and where it lies."""

    distribution: Distribution
    file: Path

    @property
    def name(self) -> tuple[str, str]:
        """Its project and its file name."""
        return self.distribution.project, self.distribution.filename


def invent(projects: Sequence[str], count: int, size: int, purpose: int) -> list[Distribution]:
    """New releases of these projects in turn, wheels and sdists; another `purpose` makes others of them."""
    kinds: tuple[Kind, Kind] = ("wheel", "sdist")
    return [
        Distribution(project, f"9.{purpose}.{index}", kinds[index % 2], size, FIRST + purpose * 100_000 + index)
        for index, project in enumerate(islice(cycle(projects), count))
    ]


def make_fresh(cache: Path, wanted: Iterable[Distribution]) -> list[Fresh]:
    """All of them as files in the cache; each appears whole."""
    directory = cache / f"fresh-v{VERSION}"
    directory.mkdir(parents=True, exist_ok=True)
    found = [Fresh(each, directory / f"{each.size}-{each.filename}") for each in wanted]
    missing = [each for each in found if not each.file.exists()]
    if missing:
        source(), code()
        do_all(_make, missing)
    return found


def _make(fresh: Fresh) -> None:
    unfinished = fresh.file.with_suffix(".part")
    if fresh.distribution.size >= LARGE:
        write_large_wheel(unfinished, fresh.distribution)
    else:
        unfinished.write_bytes(make_archive(fresh.distribution))
    unfinished.rename(fresh.file)


def write_large_wheel(file: Path, distribution: Distribution) -> None:
    """A wheel with a single compiled extension, as large as wanted, in little memory."""
    info = f"{distribution.stem}.dist-info"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        record = _write_extension(archive, f"{distribution.module}/_native.so", int(distribution.size * CODE_RATIO))
        archive.writestr(f"{info}/METADATA", core_metadata(distribution))
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: larder\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{record}{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def _write_extension(archive: zipfile.ZipFile, path: str, length: int) -> str:
    """Its line of RECORD."""
    digest = hashlib.sha256()
    with archive.open(path, "w", force_zip64=True) as member:
        for start in range(0, length, len(code())):
            piece = code()[: length - start]
            digest.update(piece)
            member.write(piece)
    encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    return f"{path},sha256={encoded},{length}\n"
