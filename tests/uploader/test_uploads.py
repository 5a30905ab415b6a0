"""An upload, from its first byte to its answer."""

import json
import os
import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import files
from store.identity import Identity
from tests.archives import core_metadata, digest, make_archive, make_board_sdist, make_egg, make_sdist, make_wheel
from tests.attestations import make_attestation, make_provenance
from tests.running import Answer, form, wait_until
from tests.uploader.room import AUTH, Room
from uploader import placing

NAMES, ENDS = ("simple", "legacy", "pypi"), ("", "/", "//")
PATHS = ["/", "//", *(f"/{name}{end}" for name in NAMES for end in ENDS), "//simple/"]


@pytest.fixture
def refuses(room: Room) -> "Refuses":
    return Refuses(room)


class Refuses:
    """Asserts that an upload is refused with a reason, in one line, and that nothing at all was changed by it."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def __call__(self, status: int, reason: str, file: Path, **fields: str) -> None:
        before = self.room.snapshot()
        self.check(self.room.upload(file, **fields), status, reason)
        assert self.room.snapshot() == before

    def check(self, answer: Answer, status: int, reason: str) -> None:
        assert (answer.status, reason in answer.reason, reason in answer.text) == (status, True, True), answer
        assert answer.text.count("\n") == 1


@pytest.mark.parametrize("path", PATHS)
def test_an_upload_is_taken_at_every_address(room: Room, tmp_path: Path, path: str) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    assert room.upload(wheel, path, name="demo", version="1.0", sha256_digest=digest(wheel)).status == 200
    assert room.stored() == [wheel.name]
    assert (room.packages / wheel.name).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("path", ["/simple/demo/", "/legacy/x", "/packages/", "/health", "/RPC2", "/sim%0aple", "/-/"])
def test_an_upload_elsewhere_is_told_which_addresses_take_uploads(
    room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    answer = room.upload(make_wheel(tmp_path, "demo", "1.0"), path)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert "takes no uploads; expected /, /simple/, /legacy/ or /pypi/, of a repository" in answer.reason
    assert room.stored() == []
    assert caplog.text.count(f"refused POST '{path}' from 192.0.2.7 user 'ann' file -: 405 ") == 1


def test_every_kind_of_distribution_is_taken(room: Room, tmp_path: Path) -> None:
    suffixes = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar")
    sdists = [make_sdist(tmp_path, "kinds", f"1.{n}", suffix) for n, suffix in enumerate(suffixes)]
    board = make_board_sdist(tmp_path, "kinds", "0.2.0rc99+dev42", {"kinds.py": b"x = 1\n"})
    for file in (*sdists, board, make_egg(tmp_path, "kinds", "2.0")):
        assert room.upload(file).status == 200
        assert digest(room.packages / file.name) == digest(file)


def test_the_order_of_the_fields_does_not_matter(room: Room, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "order", "1.0")
    body, headers = form(wheel, name="order", sha256_digest=digest(wheel), attestations="[]")
    delimiter = b"--limit-of-a-part\r\n"
    *fields, content = body.removesuffix(b"--limit-of-a-part--\r\n").split(delimiter)[1:]
    for order in ([content, *fields], [*fields[:2], content, *fields[2:]], [*reversed(fields), content]):
        turned = b"".join(delimiter + part for part in order) + b"--limit-of-a-part--\r\n"
        assert room.request("POST", "/", turned, headers | AUTH).status == 200


def test_what_distutils_sends_is_taken(room: Room, tmp_path: Path) -> None:
    sdist = make_sdist(tmp_path, "old", "1.0")
    fields = {"blake2_256_digest": "0" * 128, "md5_digest": "UNKNOWN", "name": "None", "version": "UNKNOWN"}
    body, headers = form(sdist, **fields)
    assert room.request("POST", "/", b"\r\n" + body, headers | AUTH).status == 200


def test_the_same_bytes_again_are_a_success(room: Room, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "again", "1.0")
    assert room.upload(wheel).status == 200
    facts = Identity.of((room.packages / wheel.name).stat())
    answer = room.upload(wheel)
    assert (answer.status, "with the same bytes" in answer.text) == (200, True)
    assert Identity.of((room.packages / wheel.name).stat()) == facts


def test_the_same_bytes_are_durable_before_they_are_a_success(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(tmp_path, "again", "1.0")
    (room.packages / wheel.name).write_bytes(wheel.read_bytes())  # a copy that is nowhere but in memory yet
    durable: list[Path] = []
    monkeypatch.setattr(placing, "make_path_durable", durable.append)
    assert room.upload(wheel).status == 200
    assert durable == [room.packages / wheel.name]
    monkeypatch.setattr(placing, "make_path_durable", files.make_path_durable)
    assert room.upload(wheel).status == 200


def test_other_bytes_under_a_taken_name_are_refused(room: Room, tmp_path: Path, refuses: Refuses) -> None:
    room.upload(make_wheel(tmp_path, "taken", "1.0"))
    refuses(409, "File already exists", make_wheel(tmp_path, "taken", "1.0", {"other.py": b""}))


def test_a_directory_in_the_way_is_refused(room: Room, tmp_path: Path, refuses: Refuses) -> None:
    wheel = make_wheel(tmp_path, "way", "1.0")
    (room.packages / wheel.name).mkdir()
    refuses(409, "File already exists", wheel)


def test_a_file_in_a_subdirectory_counts_as_taken(room: Room, tmp_path: Path, refuses: Refuses) -> None:
    wheel = make_wheel(room.packages / "deep/er", "nested", "1.0")
    room.list_files("nested", f"deep/er/{wheel.name}")
    assert room.upload(wheel).status == 200
    other = make_wheel(tmp_path, "nested", "1.0", {"other.py": b""})
    refuses(409, "File already exists", other)
    room.set_policy("overwrite = true")
    assert room.upload(other).status == 200
    assert room.stored() == [f"deep/er/{wheel.name}"]
    assert digest(wheel) == digest(other)


def test_a_file_that_only_the_listing_knows_does_not_count(room: Room, tmp_path: Path) -> None:
    wheel = make_wheel(room.packages / "deep", "stale", "1.0")
    room.list_files("stale", f"deep/{wheel.name}")
    moved = wheel.rename(tmp_path / wheel.name)
    assert room.upload(moved).status == 200
    assert room.stored() == [wheel.name]


def test_of_ten_different_files_of_one_name_at_once_one_wins(room: Room, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / str(n), "race", "1.0", {f"n{n}.py": bytes([n])}) for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(room.upload, wheels))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9
    winner = wheels[[answer.status for answer in answers].index(200)]
    assert [path.name for path in room.packages.iterdir()] == [winner.name]
    assert digest(room.packages / winner.name) == digest(winner)


@pytest.mark.parametrize("field", ["md5_digest", "sha256_digest", "blake2_256_digest"])
def test_every_digest_is_checked(refuses: Refuses, tmp_path: Path, field: str) -> None:
    wheel = make_wheel(tmp_path, "digests", "1.0")
    refuses(400, "does not match", wheel, **{field: "0" * (32 if field == "md5_digest" else 64)})
    refuses(400, "is no digest", wheel, **{field: "zz"})
    refuses(400, "is no digest", wheel, **{field: "0" * 60_000})


def test_what_disagrees_with_the_metadata_inside_is_refused(refuses: Refuses, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "agree", "1.0")
    refuses(400, "name 'other' disagrees with 'agree-1.0-py3-none-any.whl', which is agree 1.0", wheel, name="other")
    refuses(400, "version '2.0' disagrees", wheel, version="2.0")
    refuses(400, "its metadata is of 'agree' '1.0'", wheel, filename="agree-2.0-py3-none-any.whl")


@pytest.mark.parametrize("field", ["name", "version"])
def test_a_field_of_5000_digits_is_refused(refuses: Refuses, tmp_path: Path, field: str) -> None:
    refuses(400, "5000 characters; expected at most", make_wheel(tmp_path, "demo", "1.0"), **{field: "1" * 5000})


def test_a_version_of_5000_digits_inside_is_refused(refuses: Refuses, tmp_path: Path) -> None:
    contents = {"PKG-INFO": core_metadata("digits", "1" * 5000).encode(), "setup.py": b""}
    refuses(400, "expected at most", make_archive(tmp_path / "digits-1.tar.gz", "digits-1", contents))


def make_bare(directory: Path, stem: str) -> Path:
    """An sdist that holds nothing but its setup.py."""
    return make_archive(directory / f"{stem}.tar.gz", stem, {"setup.py": b"", "x.py": b"x = 1\n"})


def test_an_sdist_without_metadata_is_taken_by_its_only_reading(room: Room, tmp_path: Path) -> None:
    assert room.upload(make_bare(tmp_path, "PyPDF2-1.26.0")).status == 200
    assert room.stored() == ["PyPDF2-1.26.0.tar.gz"]


def test_of_several_readings_the_form_decides(refuses: Refuses, tmp_path: Path) -> None:
    sdist = make_bare(tmp_path, "a-1-2")
    refuses(400, "name 'b' disagrees with 'a-1-2.tar.gz', which is a 1.post2 or a-1 2", sdist, name="b")
    refuses(400, "version '2' disagrees with 'a-1-2.tar.gz', which is a 1.post2", sdist, name="a", version="2")
    refuses(400, "can be a 1.post2 or a-1 2; expected", sdist)
    assert refuses.room.upload(sdist, version="2").status == 200
    assert refuses.room.stored() == ["a-1/a-1-2.tar.gz"]


def test_of_several_readings_the_projects_that_are_there_decide(refuses: Refuses, tmp_path: Path) -> None:
    sdist = make_bare(tmp_path, "a-1-2")
    make_wheel(refuses.room.packages, "a", "1.0")
    refuses.room.list_files("a", "a-1.0-py3-none-any.whl")
    assert refuses.room.upload(sdist).status == 200
    assert refuses.room.upload(sdist).status == 200
    assert "a/a-1-2.tar.gz" in refuses.room.stored()
    refuses.room.list_files("a-1")
    refuses(400, "can be a 1.post2 or a-1 2; expected", make_bare(tmp_path / "..", "a-1-2"))


@pytest.mark.parametrize(
    "name",
    [
        "../up-1.0.tar.gz",
        "/etc/x-1.0.tar.gz",
        ".x-1.0.tar.gz",
        "x-1.0.exe",
        "x\\y-1.0.zip",
        "",
        "x%2Fy-1.0.zip",
        "ä.zip",
    ],
)
def test_an_unsafe_file_name_is_refused(refuses: Refuses, tmp_path: Path, name: str) -> None:
    file = make_sdist(tmp_path, "x", "1.0")
    body, headers = form(file)
    body = body.replace(b'filename="x-1.0.tar.gz"', f'filename="{name}"'.encode())
    before = refuses.room.snapshot()
    answer = refuses.room.request("POST", "/", body, headers | AUTH)
    assert (answer.status, answer.text.count("\n")) == (400, 1)
    assert refuses.room.snapshot() == before


def test_what_is_no_whole_archive_is_refused(refuses: Refuses, tmp_path: Path) -> None:
    whole = make_wheel(tmp_path, "whole", "1.0")
    whole.write_bytes(whole.read_bytes()[:-1])
    refuses(400, "Invalid distribution file 'whole-1.0-py3-none-any.whl': it is not a whole zip archive", whole)
    text = tmp_path / "text-1.0.tar.gz"
    text.write_text("hello")
    refuses(400, "Invalid distribution file", text)
    bare = make_archive(tmp_path / "bare-1.0.tar.gz", "bare-1.0", {"bare.py": b""})
    refuses(400, "holds no PKG-INFO", bare)


def test_a_bomb_is_refused(refuses: Refuses, tmp_path: Path) -> None:
    contents = {"PKG-INFO": core_metadata("bomb", "1.0").encode(), "zeros": bytes(200 << 20)}
    refuses(400, "unpacks to", make_archive(tmp_path / "bomb-1.0.tar.gz", "bomb-1.0", contents))


def test_what_is_no_upload_is_refused(room: Room, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "action", "1.0")
    for action in ("doc_upload", "submit", "x" * 1000):
        assert room.upload(wheel, _action=action).status == 410
    assert room.request("POST", "/", b"<x/>", {"Content-Type": "application/xml"} | AUTH).status == 415
    framed_by_register = b'\n--B\nContent-Disposition: form-data; name=":action"\n\nsubmit\n--B--\n'
    kind = {"Content-Type": "multipart/form-data; boundary=B; charset=utf-8"}
    assert room.request("POST", "/", framed_by_register, kind | AUTH).status == 410


def test_uv_gets_its_reason_as_json(room: Room, tmp_path: Path) -> None:
    body, headers = form(make_wheel(tmp_path, "json", "1.0"), md5_digest="0" * 32)
    accept = {"Accept": "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"}
    answer = room.request("POST", "/", body, headers | AUTH | accept)
    assert answer.headers["Content-Type"] == "application/json"
    assert "does not match" in answer.json()["code"]


def sign(room: Room, file: Path, signature: bytes) -> Answer:
    body, headers = form(file)
    disposition = f'form-data; name="gpg_signature"; filename="{file.name}.asc"'
    head = f"--limit-of-a-part\r\nContent-Disposition: {disposition}\r\n\r\n"
    return room.request("POST", "/", head.encode() + signature + b"\r\n" + body, headers | AUTH)


def test_a_signature_is_stored_beside_the_file_and_goes_with_it(room: Room, tmp_path: Path) -> None:
    room.set_policy("overwrite = true")
    wheel = make_wheel(tmp_path, "signed", "1.0")
    beside = room.packages / f"{wheel.name}.asc"
    assert sign(room, wheel, b"first").status == 200
    assert beside.read_bytes() == b"first"
    assert sign(room, wheel, b"second").status == 200
    assert beside.read_bytes() == b"first"  # of the same bytes
    assert sign(room, make_wheel(tmp_path, "signed", "1.0", {"x.py": b""}), b"third").status == 200
    assert beside.read_bytes() == b"third"
    assert room.upload(make_wheel(tmp_path, "signed", "1.0", {"y.py": b""})).status == 200
    assert room.stored() == [wheel.name]


def attest(room: Room, file: Path, sha256: str) -> Answer:
    body, headers = form(file, attestations=json.dumps([make_attestation(file.name, sha256)]))
    return room.request("POST", "/", body, headers | AUTH)


def test_attestations_are_stored_beside_the_file_and_go_with_it(room: Room, tmp_path: Path) -> None:
    room.set_policy("overwrite = true")
    wheel = make_wheel(tmp_path, "attested", "1.0")
    beside = room.packages / f"{wheel.name}.provenance"
    assert attest(room, wheel, digest(wheel)).status == 200
    assert json.loads(beside.read_bytes()) == make_provenance(make_attestation(wheel.name, digest(wheel)))
    for wrong in (json.dumps(make_provenance(make_attestation(wheel.name, "0" * 64))), "{", None):
        beside.unlink()
        if wrong:
            beside.write_text(wrong)
        assert attest(room, wheel, digest(wheel)).status == 200  # the same bytes again, with none that is right
        assert json.loads(beside.read_bytes()) == make_provenance(make_attestation(wheel.name, digest(wheel)))
    assert room.upload(make_wheel(tmp_path, "attested", "1.0", {"y.py": b""})).status == 200
    assert room.stored() == [wheel.name]


@pytest.mark.parametrize("attestations", ["{}", "[1]", "[", "null", '[{"version": 1}]'])
def test_attestations_that_are_none_are_refused_with_the_file(room: Room, tmp_path: Path, attestations: str) -> None:
    body, headers = form(make_wheel(tmp_path, "attested", "1.0"), attestations=attestations)
    answer = room.request("POST", "/", body, headers | AUTH)
    assert (answer.status, "expected" in answer.reason, "attestation" in answer.reason) == (400, True, True)
    assert room.stored() == []


@pytest.mark.parametrize("beside", ["demo.status", "demo-1.0-py3-none-any.whl.provenance"])
def test_no_upload_waits_for_what_somebody_put_beside_it(room: Room, tmp_path: Path, beside: str) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    assert room.upload(wheel).status == 200
    os.mkfifo(room.packages / beside)
    answer = attest(room, wheel, digest(wheel))
    assert answer.status == (403 if beside == "demo.status" else 200), answer.reason


def test_attestations_of_other_bytes_are_refused_with_the_file(room: Room, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "attested", "1.0")
    answer = attest(room, wheel, "0" * 64)
    assert (answer.status, answer.text) == (
        400, f"the attestations are about sha256 {'0' * 64}, and {wheel.name!r} has {digest(wheel)}\n",
    )  # fmt: skip
    assert room.stored() == []


def test_other_bytes_replace_a_file_where_overwriting_is_on(room: Room, tmp_path: Path) -> None:
    first = make_wheel(tmp_path / "1", "over", "1.0")
    second = make_wheel(tmp_path / "2", "over", "1.0", {"second.py": b""})
    assert room.upload(first).status == 200
    assert room.upload(second).status == 409
    room.set_policy("overwrite = true")
    assert "in the place of other bytes" in room.upload(second).text
    assert (room.packages / first.name).read_bytes() == second.read_bytes()
    assert len(list(room.packages.iterdir())) == 1


def test_the_limit_follows_the_policy(room: Room, tmp_path: Path, refuses: Refuses) -> None:
    wheel = make_wheel(tmp_path, "limit", "1.0", {"noise": os.urandom(50_000)})
    for limit in ("20 KB", "48 KB"):  # the one is seen from the length of the form, the other only by counting
        room.set_policy(f'max_upload = "{limit}"')
        refuses(413, f"max_upload = {limit}", wheel)
    room.set_policy('max_upload = "60 KB"')
    assert room.upload(wheel).status == 200


def test_an_upload_of_unknown_length_is_taken_up_to_the_limit(room: Room, tmp_path: Path) -> None:
    body, headers = form(make_wheel(tmp_path, "chunked", "1.0", {"noise": os.urandom(50_000)}))
    for limit, status in (("20 KB", 413), ("60 KB", 200)):
        room.set_policy(f'max_upload = "{limit}"')
        lines = "".join(f"{key}: {value}\r\n" for key, value in {**headers, **AUTH}.items())
        head = f"POST / HTTP/1.1\r\nHost: x\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode()
        assert room.send(head, b"%x\r\n" % len(body), body, b"\r\n0\r\n\r\n").status == status


def head_of(length: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n{lines}"
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


def test_the_limit_is_named_before_the_body_is_read(room: Room) -> None:
    room.set_policy('max_upload = "1 MiB"')
    answer = room.send(head_of(5 << 20, AUTH))
    assert (answer.status, "expected at most max_upload = 1 MiB" in answer.reason) == (413, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense", "gzip, identity"])
def test_a_compressed_body_is_refused_before_it_is_read(room: Room, encoding: str) -> None:
    answer = room.send(head_of(100, AUTH | {"Content-Encoding": encoding}))
    assert (answer.status, answer.reason.startswith(f"Content-Encoding: {encoding!r}; expected")) == (415, True)


def test_a_policy_counts_from_the_moment_it_is_in_force_and_until_it_is_not(
    room: Room, tmp_path: Path, refuses: Refuses
) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    for _ in range(3):
        room.set_policy("upload = []")
        refuses(403, "uploads are closed", wheel)
        room.set_policy('upload = ["authenticated"]')
        assert room.upload(wheel).status == 200
        (link := room.data.policy_in_force).rename(link.with_name("away"))
        refuses(503, "the indexer has not yet said which policy is in force", wheel)
        link.with_name("away").rename(link)
        assert room.upload(wheel).status == 200


def test_no_policy_in_force_is_said(room: Room, tmp_path: Path, refuses: Refuses) -> None:
    shutil.rmtree(room.data.policy_in_force)
    refuses(503, "the indexer has not yet said which policy is in force", make_wheel(tmp_path, "demo", "1.0"))


def test_anyone_may_upload_where_the_policy_says_so(room: Room, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "open", "1.0")
    assert room.upload_as({}, wheel).status == 401
    room.set_policy('upload = ["anonymous"]')
    assert room.upload_as({}, wheel).status == 200
    assert room.upload_as({"Authorization": "nonsense"}, wheel).status == 200
    room.set_policy("upload = []")
    answer = room.upload(wheel)
    assert (answer.status, "nobody" in answer.reason) == (403, True)


def test_an_upload_is_answered_once_it_is_listed(room: Room, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "listed", "1.0")
    room.beat()
    room.list_files("listed")
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(room.upload(wheel)))
    thread.start()
    wait_until(room.stored)
    assert not answers
    room.list_files("listed", wheel.name)
    thread.join(10)
    assert (answers[0].status, "follow" in answers[0].text) == (200, False)


def test_an_upload_without_an_indexer_succeeds_and_says_that_the_page_follows(room: Room, tmp_path: Path) -> None:
    answer = room.upload(make_wheel(tmp_path, "later", "1.0"))
    assert (answer.status, "its page will follow" in answer.text) == (200, True)


def test_an_answer_waits_no_longer_than_it_may(room: Room, tmp_path: Path) -> None:
    room.beat()
    answer = room.upload(make_wheel(tmp_path, "busy", "1.0"))
    assert (answer.status, "its page will follow" in answer.text) == (200, True)


def test_uploads_of_different_projects_at_once_all_succeed(room: Room, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, f"many-{n}", "1.0") for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert [answer.status for answer in pool.map(room.upload, wheels)] == [200] * 20
    assert room.stored() == sorted(wheel.name for wheel in wheels)


def test_a_form_that_is_damaged_anywhere_is_refused_without_a_trace(
    room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wheel = make_wheel(tmp_path, "fuzz", "1.0")
    body, headers = form(wheel, name="fuzz", sha256_digest=digest(wheel))
    chance = random.Random(1)
    for _ in range(600):
        damaged = bytearray(body)
        start = chance.randrange(len(body))
        if chance.random() < 0.5:
            del damaged[start : start + chance.randrange(1, 400)]
        else:
            damaged[start] ^= chance.randrange(1, 256)
        before = room.snapshot()
        answer = room.request("POST", "/", bytes(damaged), headers | AUTH)
        if answer.status == 200:  # what was damaged did not matter
            continue
        assert 400 <= answer.status < 500, (answer, bytes(damaged))
        assert room.snapshot() == before
    assert "Traceback" not in caplog.text
