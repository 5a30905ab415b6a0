"""Attestations and provenance objects, as they come from anybody."""

import base64
import json
from typing import Any

import pytest

from store.errors import Refused
from store.provenance import LIMIT, parse_attestations, read_subject, render_provenance
from tests.attestations import make_attestation, make_provenance

GOOD = make_attestation("demo-1.0.tar.gz", "a" * 64)


def test_what_an_upload_brings_becomes_a_provenance_that_nobody_has_verified() -> None:
    provenance = render_provenance(parse_attestations(json.dumps([GOOD, GOOD]).encode()))
    assert json.loads(provenance) == make_provenance(GOOD, GOOD, kind="unverified")
    assert read_subject(provenance) == "a" * 64


def test_what_is_too_deep_to_be_written_is_refused() -> None:
    with pytest.raises(Refused, match="expected"):
        render_provenance([GOOD | {"x": nested(5000)}])


def nested(depth: int) -> list[object]:
    found: list[object] = []
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    "text",
    [b"[NaN]", b"[Infinity]", "[]".encode("utf-16"), b"", b"{}", b"null", b"\xff", b"[" * 100_000, b"1" * 5000, b'"x"'],
)
def test_attestations_are_an_array(text: bytes) -> None:
    with pytest.raises(Refused, match="expected"):
        parse_attestations(text)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def about(statement: object) -> dict[str, Any]:
    text = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
    return GOOD | {"envelope": GOOD["envelope"] | {"statement": base64.b64encode(text).decode()}}


SUBJECT = {"name": "x", "digest": {"sha256": "a" * 64}}
HOSTILE = {
    "no object": make_provenance() | {"attestation_bundles": None},
    "a version that is true": make_provenance(GOOD) | {"version": True},
    "another version": make_provenance(GOOD) | {"version": 2},
    "no bundle": {"version": 1, "attestation_bundles": []},
    "a bundle of nothing": make_provenance(),
    "a bundle that is none": {"version": 1, "attestation_bundles": [1]},
    "no publisher": {"version": 1, "attestation_bundles": [{"attestations": [GOOD]}]},
    "a publisher without a kind": {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": [GOOD]}]},
    "an attestation that is none": make_provenance([]),  # type: ignore[arg-type]
    "an attestation of another version": make_provenance(GOOD | {"version": "1"}),
    "no envelope": make_provenance(without("envelope")),
    "no material": make_provenance(without("verification_material")),
    "an odd envelope": make_provenance(GOOD | {"envelope": {"statement": 1, "signature": "x"}}),
    "a statement that is no base64": make_provenance(GOOD | {"envelope": {"statement": "\u00e9!", "signature": ""}}),
    "a statement that is no JSON": make_provenance(about(b"{")),
    "a statement that is deep": make_provenance(about(b"[" * 100_000)),
    "a statement that is a list": make_provenance(about([])),
    "no subject": make_provenance(about({"subject": []})),
    "two subjects": make_provenance(about({"subject": [SUBJECT, SUBJECT]})),
    "a subject without a digest": make_provenance(about({"subject": [{"name": "x"}]})),
    "a subject with an odd digest": make_provenance(about({"subject": [{"digest": {"sha256": "A" * 64}}]})),
    "a digest that is a number": make_provenance(about({"subject": [{"digest": {"sha256": 1}}]})),
    "about several files": make_provenance(GOOD, make_attestation("x", "b" * 64)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_provenance_is_refused_in_one_line(kind: str) -> None:
    with pytest.raises(Refused, match="expected") as refused:
        read_subject(json.dumps(HOSTILE[kind]).encode())
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("change", [(0, -1, b""), (0, None, b" " * LIMIT), (0, 0, b"[]")], ids=["cut", "large", "[]"])
def test_what_is_cut_off_or_too_large_is_refused(change: tuple[int, int | None, bytes]) -> None:
    start, end, more = change
    with pytest.raises(Refused, match="expected"):
        read_subject(json.dumps(make_provenance(GOOD)).encode()[start:end] + more)
