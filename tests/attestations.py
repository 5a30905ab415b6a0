"""Attestations as signers make them (PEP 740), with nothing in them that could be verified."""

import base64
import json
from typing import Any

PUBLISHED = "https://docs.pypi.org/attestations/publish/v1"


def make_attestation(filename: str, sha256: str) -> dict[str, Any]:
    """One of a file with these bytes."""
    subject = [{"name": filename, "digest": {"sha256": sha256}}]
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": PUBLISHED}
    return {
        "version": 1,
        "verification_material": {"certificate": _base64(b"certificate"), "transparency_entries": [{"logIndex": "1"}]},
        "envelope": {"statement": _base64(json.dumps(statement).encode()), "signature": _base64(b"signature")},
    }


def make_provenance(*attestations: dict[str, Any], kind: str = "unverified") -> dict[str, Any]:
    return {"version": 1, "attestation_bundles": [{"publisher": {"kind": kind}, "attestations": list(attestations)}]}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
