"""Core metadata: the METADATA or PKG-INFO text, and the few fields Larder works with."""

import warnings
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pkginfo import Distribution as CoreMetadata

from store.errors import BadArchive


@dataclass(frozen=True)
class Metadata:
    """What the metadata inside a distribution says. Empty `requires_python` means any."""

    name: str
    version: str
    requires_python: str


def parse_metadata(text: bytes) -> Metadata:
    """Read core metadata of any version; raise BadArchive where name or version is missing.

    `UNKNOWN` is what distutils writes for an absent value.
    """
    core = CoreMetadata()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a metadata version newer than pkginfo is read as its newest
        core.parse(text)
    name, version = (_present(field, getattr(core, field.lower())) for field in ("Name", "Version"))
    return Metadata(name, version, _valid_specifier(core.requires_python))


def _present(field: str, value: str | None) -> str:
    if not value or value == "UNKNOWN":
        raise BadArchive(f"its metadata has no {field}; expected core metadata with Name and Version")
    return value


def _valid_specifier(requires_python: str | None) -> str:
    """The specifier, or nothing where no installer could read it (PEP 503: ignore what is malformed)."""
    try:
        SpecifierSet(requires_python or "")
    except InvalidSpecifier:
        return ""
    return requires_python or ""
