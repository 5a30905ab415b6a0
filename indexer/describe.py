"""A file → what it says of its release: the fields of its core metadata, and its README as HTML."""

from collections.abc import Mapping
from pathlib import Path

from packaging.metadata import parse_email

from indexer.model import Care, Description, Field, ListedFile
from indexer.readme import render_readme
from store.distribution import read_contents
from store.names import parse_filename

VALUES = 1000  # of one field
LENGTH = 5000  # characters of one value,
TEXT = 1 << 20  # and of the README and the licence


def read_fields(packages: Path, file: ListedFile) -> dict[str, Field]:
    """Read the file. Raises whatever the disk or a library does."""
    with (packages / file.path).open("rb") as archive:
        contents = read_contents(archive, parse_filename(file.filename), digest=file.distribution.digest)
    return parse_fields(contents.metadata)


def describe(fields: Mapping[str, Field], care: Care = Care.ALL) -> Description:
    """With the README as HTML. Raises whatever a library does."""
    text, content_type = str(fields.get("description", "")), str(fields.get("description_content_type", ""))
    if care is Care.NONE:
        return Description({}, "", "what it says of itself cannot be read")
    if care is Care.LITTLE:
        return Description(fields, render_readme(text, "text/plain")[0], "to render it takes too much")
    return Description(fields, *render_readme(text, content_type))


def parse_fields(text: bytes) -> dict[str, Field]:
    """The fields that have a value, each of bounded length (core metadata specification)."""
    raw, _ = parse_email(_as_utf8(text))
    return {name: value for name, each in raw.items() if (value := _bound(name, each))}


def _as_utf8(text: bytes) -> bytes:
    """As it is, or else what was meant: old tools wrote Latin-1."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1").encode()
    return text


def _bound(name: str, value: object) -> Field:
    if isinstance(value, dict):
        return {_cut(key): _cut(each) for key, each in list(value.items())[:VALUES]}
    if isinstance(value, list):
        return [_cut(each) for each in value[:VALUES]]
    text = _cut(value, TEXT if name in ("description", "license") else LENGTH)
    return "" if text.strip() in ("", "UNKNOWN") else text  # which distutils writes where there is nothing


def _cut(value: object, length: int = LENGTH) -> str:
    return str(value)[:length].replace("\0", "")
