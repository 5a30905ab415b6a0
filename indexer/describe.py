"""A file → what it says of its release: the fields of its core metadata, and its README as HTML."""

from collections.abc import Mapping
from pathlib import Path

from packaging.metadata import parse_email

from indexer.model import Description, Field, ListedFile
from indexer.readme import render_readme
from store.distribution import read_contents
from store.names import parse_filename

VALUES = 1000  # of one field
LENGTH = 5000  # characters of one value, but for the README and the licence


def read_fields(packages: Path, file: ListedFile) -> dict[str, Field]:
    """Read the file. Raises whatever the disk or a library does."""
    with (packages / file.path).open("rb") as archive:
        contents = read_contents(archive, parse_filename(file.filename), digest=file.distribution.digest)
    return parse_fields(contents.metadata)


def describe(fields: Mapping[str, Field], *, plainly: bool = False) -> Description:
    """With the README as HTML; where `plainly`, as it was written. Raises whatever a library does."""
    text, content_type = str(fields.get("description", "")), str(fields.get("description_content_type", ""))
    if plainly:
        return Description(fields, render_readme(text, "text/plain")[0], "to render it takes too much")
    return Description(fields, *render_readme(text, content_type))


def parse_fields(text: bytes) -> dict[str, Field]:
    """The fields that have a value, each of bounded length (core metadata specification)."""
    raw, _ = parse_email(text)
    return {name: value for name, each in raw.items() if (value := _bound(name, each))}


def _bound(name: str, value: object) -> Field:
    if isinstance(value, dict):
        return {_cut(key): _cut(each) for key, each in list(value.items())[:VALUES]}
    if isinstance(value, list):
        return [_cut(each) for each in value[:VALUES]]
    text = str(value).replace("\0", "") if name in ("description", "license") else _cut(value)
    return "" if text.strip() in ("", "UNKNOWN") else text  # which distutils writes where there is nothing


def _cut(value: object) -> str:
    return str(value)[:LENGTH].replace("\0", "")
