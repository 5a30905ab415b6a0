"""Write data sets, on all cores, and keep them: making one takes longer than measuring with it."""

from pathlib import Path

from scripts.bench.cores import do_all
from scripts.bench.dataset import VERSION
from scripts.bench.dataset.archives import make_archive
from scripts.bench.dataset.plan import Distribution, plan
from scripts.bench.dataset.texts import code, source

TOGETHER = 20  # files that a process is given at once


def cached(cache: Path, files: int) -> Path:
    """The directory with a data set of so many files, made where it is not there yet; it appears whole."""
    directory = cache / f"files-{files}-v{VERSION}"
    if not directory.is_dir():
        unfinished = directory.with_suffix(".part")
        make(unfinished, files)
        unfinished.rename(directory)
    return directory


def make(directory: Path, files: int) -> None:
    """Put a data set of so many files into `directory`, flat; what is there already is not made again."""
    directory.mkdir(parents=True, exist_ok=True)
    there = {file.name for file in directory.iterdir()}
    missing = [(directory, wanted) for wanted in plan(files) if wanted.filename not in there]
    source(), code()  # once, before there are several processes
    do_all(_make_one, missing, TOGETHER)


def _make_one(job: tuple[Path, Distribution]) -> None:
    directory, distribution = job
    unfinished = directory / f".{distribution.filename}.part"
    unfinished.write_bytes(make_archive(distribution))
    unfinished.rename(directory / distribution.filename)
