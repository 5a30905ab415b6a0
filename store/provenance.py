"""The provenance of a file (PEP 740): who says what of these bytes, kept beside it and served as it is.

Nothing here is verified but that the parts are there and what bytes they are about: whether to believe a signature is
for whoever fetches it.
"""

import base64
import binascii
import json
import re
from typing import Any

from store.errors import Refused

LIMIT = 1 << 20  # bytes, of the field of an upload or of a file; one attestation has about 6,000
PUBLISHER = {"kind": "unverified"}  # where the index has not made sure who it was

_SHAPES: dict[str, dict[str, type]] = {
    "verification_material": {"certificate": str, "transparency_entries": list},
    "envelope": {"statement": str, "signature": str},
}
_DIGEST = re.compile("[0-9a-f]{64}")


def parse_attestations(text: bytes) -> list[dict[str, Any]]:
    """What an upload brings in its field `attestations`: attestation objects, which may be none; or Refused."""
    attestations = _load(text)
    if not isinstance(attestations, list):
        raise Refused("attestations are expected as a JSON array of attestation objects (PEP 740)")
    return attestations


def render_provenance(attestations: list[dict[str, Any]]) -> bytes:
    """A provenance object of one bundle, whose publisher nobody has verified."""
    bundle = {"publisher": PUBLISHER, "attestations": attestations}
    try:
        return json.dumps({"version": 1, "attestation_bundles": [bundle]}).encode()
    except RecursionError as error:
        raise Refused("attestations are expected to be less deep") from error


def read_subject(provenance: bytes) -> str:
    """The sha256 of the bytes that all attestations in a provenance object are about; Refused where it is none."""
    if len(provenance) > LIMIT:
        raise Refused(f"a provenance of more than {LIMIT >> 20} MiB; expected less")
    found = _load(provenance)
    bundles = found.get("attestation_bundles") if isinstance(found, dict) and _is_one(found.get("version")) else None
    if not isinstance(bundles, list) or not bundles or not all(map(_is_bundle, bundles)):
        raise Refused("a provenance is expected with version 1 and bundles that name a publisher each (PEP 740)")
    subjects = {_subject_of(attestation) for bundle in bundles for attestation in bundle["attestations"]}
    if len(subjects) != 1:
        raise Refused("its attestations are about several files; expected one")
    return subjects.pop()


def _load(text: bytes) -> object:
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("attestations and provenance are expected to be JSON (PEP 740)") from error


def _refuse_constant(name: str) -> object:
    raise ValueError(name)  # which only Python takes for JSON


def _is_one(version: object) -> bool:
    return version == 1 and not isinstance(version, bool)


def _is_bundle(bundle: object) -> bool:
    if not isinstance(bundle, dict):
        return False
    publisher, attestations = bundle.get("publisher"), bundle.get("attestations")
    names_one = isinstance(publisher, dict) and isinstance(publisher.get("kind"), str)
    return names_one and isinstance(attestations, list) and bool(attestations)


def _subject_of(attestation: object) -> str:
    """The sha256 that the statement in it names."""
    if not isinstance(attestation, dict) or not _is_one(attestation.get("version")) or not _has_all(attestation):
        raise Refused("an attestation is expected with version 1, verification_material and envelope (PEP 740)")
    try:
        statement = json.loads(base64.b64decode(attestation["envelope"]["statement"], validate=True))
        (subject,) = statement["subject"]
        digest = subject["digest"]["sha256"]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise Refused("the statement of an attestation is expected to name one subject with its sha256") from error
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise Refused("the subject of an attestation is expected with a sha256 of 64 hex digits")
    return digest


def _has_all(attestation: dict[str, Any]) -> bool:
    for part, shape in _SHAPES.items():
        found = attestation.get(part)
        if not isinstance(found, dict) or not all(isinstance(found.get(key), kind) for key, kind in shape.items()):
            return False
    return True
