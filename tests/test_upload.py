"""An upload, from the first byte to the answer. The clients that make it have tests of their own."""

import os
import random
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.archives import core_metadata, digest, make_archive, make_board_sdist, make_egg, make_sdist, make_wheel
from tests.conftest import Start
from tests.running import PASSWORD, USER, Answer, Larder, basic, form, wait_until

AUTH = basic(USER, PASSWORD)


def upload(larder: Larder, file: Path, path: str = "/", **fields: str) -> Answer:
    body, headers = form(file, **fields)
    return larder.request("POST", path, body, headers | AUTH)


@pytest.fixture
def refuses(shared_larder: Larder, capsys: pytest.CaptureFixture[str]) -> "Refuses":
    return Refuses(shared_larder)


class Refuses:
    """Asserts that an upload is refused with a reason, and that nothing at all was changed by it."""

    def __init__(self, larder: Larder) -> None:
        self.larder = larder

    def __call__(self, status: int, reason: str, file: Path, **fields: str) -> None:
        before = self.larder.snapshot()
        answer = upload(self.larder, file, **fields)
        assert (answer.status, reason in answer.reason, reason in answer.text) == (status, True, True), answer
        assert answer.text.count("\n") == 1
        assert self.larder.snapshot() == before


@pytest.mark.parametrize(
    "path", ["/", "/simple", "/simple/", "/legacy", "/legacy/", "/pypi", "/pypi/", "//", "/simple//"]
)
def test_an_upload_is_listed_when_it_is_answered(shared_larder: Larder, tmp_path: Path, path: str) -> None:
    name = f"path-{path.count('/')}{path.strip('/')}x"
    wheel = make_wheel(tmp_path, name, "1.0")
    answer = upload(shared_larder, wheel, path, name=name, version="1.0", sha256_digest=digest(wheel))
    assert (answer.status, shared_larder.digest(name, wheel.name)) == (200, digest(wheel))


def test_every_kind_of_distribution_is_taken(shared_larder: Larder, tmp_path: Path) -> None:
    sdists = [
        make_sdist(tmp_path, "kinds", f"1.{n}", suffix) for n, suffix in enumerate((".tar.gz", ".zip", ".tar.bz2"))
    ]
    board = make_board_sdist(tmp_path, "kinds", "0.2.0rc99+dev42", {"kinds.py": b"x = 1\n"})
    for file in (*sdists, board, make_egg(tmp_path, "kinds", "2.0")):
        assert upload(shared_larder, file).status == 200
        assert shared_larder.digest("kinds", file.name) == digest(file)


def test_the_order_of_the_fields_does_not_matter(shared_larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "order", "1.0")
    body, headers = form(wheel, name="order", sha256_digest=digest(wheel), attestations="[]")
    delimiter = b"--limit-of-a-part\r\n"
    *fields, content = body.removesuffix(b"--limit-of-a-part--\r\n").split(delimiter)[1:]
    for order in ([content, *fields], [*fields[:2], content, *fields[2:]], [*reversed(fields), content]):
        turned = b"".join(delimiter + part for part in order) + b"--limit-of-a-part--\r\n"
        assert shared_larder.request("POST", "/", turned, headers | AUTH).status == 200


def test_the_same_bytes_again_are_a_success(shared_larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "again", "1.0")
    assert upload(shared_larder, wheel).status == 200
    before = shared_larder.snapshot()
    assert upload(shared_larder, wheel).status == 200
    assert shared_larder.snapshot() == before


def test_other_bytes_under_a_taken_name_are_refused(shared_larder: Larder, tmp_path: Path, refuses: Refuses) -> None:
    upload(shared_larder, make_wheel(tmp_path, "taken", "1.0"))
    refuses(409, "File already exists", make_wheel(tmp_path, "taken", "1.0", {"other.py": b""}))


def test_a_file_in_a_subdirectory_counts_as_taken(shared_larder: Larder, tmp_path: Path, refuses: Refuses) -> None:
    wheel = make_wheel(shared_larder.packages / "deep/er", "nested-taken", "1.0")
    shared_larder.wait_listed("nested-taken", wheel)
    assert upload(shared_larder, wheel).status == 200
    refuses(409, "File already exists", make_wheel(tmp_path, "nested-taken", "1.0", {"other.py": b""}))


def test_of_ten_different_files_of_one_name_at_once_one_wins(shared_larder: Larder, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / str(n), "race", "1.0", {f"n{n}.py": bytes([n])}) for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda wheel: upload(shared_larder, wheel), wheels))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9
    winner = wheels[[answer.status for answer in answers].index(200)]
    assert shared_larder.digest("race", winner.name) == digest(winner)
    assert not list((shared_larder.data / "incoming").iterdir())


@pytest.mark.parametrize("field", ["md5_digest", "sha256_digest", "blake2_256_digest"])
def test_every_digest_is_checked(refuses: Refuses, tmp_path: Path, field: str) -> None:
    wheel = make_wheel(tmp_path, "digests", "1.0")
    refuses(400, "does not match", wheel, **{field: "0" * (32 if field == "md5_digest" else 64)})
    refuses(400, "is no digest", wheel, **{field: "zz"})


def test_what_disagrees_with_the_metadata_inside_is_refused(refuses: Refuses, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "agree", "1.0")
    refuses(400, "name 'other' disagrees", wheel, name="other")
    refuses(400, "version '2.0' disagrees", wheel, version="2.0")
    refuses(400, "its metadata is of 'agree' '1.0'", wheel, filename="agree-2.0-py3-none-any.whl")


@pytest.mark.parametrize(
    "name", ["../up-1.0.tar.gz", "/etc/x-1.0.tar.gz", ".x-1.0.tar.gz", "x-1.0.exe", "x\\y-1.0.zip", ""]
)
def test_an_unsafe_file_name_is_refused(refuses: Refuses, tmp_path: Path, name: str) -> None:
    file = make_sdist(tmp_path, "x", "1.0")
    body, headers = form(file)
    body = body.replace(b'filename="x-1.0.tar.gz"', f'filename="{name}"'.encode())
    before = refuses.larder.snapshot()
    assert refuses.larder.request("POST", "/", body, headers | AUTH).status == 400
    assert refuses.larder.snapshot() == before


def test_what_is_no_whole_archive_is_refused(refuses: Refuses, tmp_path: Path) -> None:
    whole = make_wheel(tmp_path, "whole", "1.0")
    whole.write_bytes(whole.read_bytes()[:-1])
    refuses(400, "not a whole zip archive", whole)
    text = tmp_path / "text-1.0.tar.gz"
    text.write_text("hello")
    refuses(400, "Invalid distribution file", text)
    bare = make_archive(tmp_path / "bare-1.0.tar.gz", "bare-1.0", {"setup.py": b""})
    refuses(400, "holds no PKG-INFO", bare)


def test_a_bomb_is_refused(refuses: Refuses, tmp_path: Path) -> None:
    contents = {"PKG-INFO": core_metadata("bomb", "1.0").encode(), "zeros": bytes(200 << 20)}
    refuses(400, "unpacks to", make_archive(tmp_path / "bomb-1.0.tar.gz", "bomb-1.0", contents))
    outside = make_archive(tmp_path / "out-1.0.tar.gz", "out-1.0", {"../../out.py": b"", **contents})
    refuses(400, "outside itself", outside)


def test_what_is_no_upload_is_refused(shared_larder: Larder, tmp_path: Path) -> None:
    body, headers = form(make_wheel(tmp_path, "action", "1.0"), _action="doc_upload")
    assert shared_larder.request("POST", "/", body, headers | AUTH).status == 410
    assert shared_larder.request("POST", "/", b"<x/>", {"Content-Type": "text/xml"} | AUTH).status == 415
    framed_by_register = b'\n--B\nContent-Disposition: form-data; name=":action"\n\nsubmit\n--B--\n'
    kind = {"Content-Type": "multipart/form-data; boundary=B; charset=utf-8"}
    assert shared_larder.request("POST", "/", framed_by_register, kind | AUTH).status == 410


def test_uv_gets_its_reason_as_json(shared_larder: Larder, tmp_path: Path) -> None:
    body, headers = form(make_wheel(tmp_path, "json", "1.0"), md5_digest="0" * 32)
    accept = {"Accept": "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"}
    answer = shared_larder.request("POST", "/", body, headers | AUTH | accept)
    assert answer.headers["Content-Type"] == "application/json"
    assert "does not match" in answer.json()["code"]


def test_a_signature_is_stored_beside_the_file(shared_larder: Larder, tmp_path: Path) -> None:
    sdist = make_sdist(tmp_path, "signed", "1.0")
    body, headers = form(sdist)
    disposition = f'form-data; name="gpg_signature"; filename="{sdist.name}.asc"'
    head = f"--limit-of-a-part\r\nContent-Disposition: {disposition}\r\n\r\n"
    body = head.encode() + b"-----BEGIN PGP SIGNATURE-----\r\n" + body
    assert shared_larder.request("POST", "/", body, headers | AUTH).status == 200
    assert shared_larder.get(f"/packages/{sdist.name}.asc").text == "-----BEGIN PGP SIGNATURE-----"
    wait_until(lambda: shared_larder.detail("signed")[sdist.name].get("gpg-sig"))
    assert list(shared_larder.detail("signed")) == [sdist.name]


def send_head_only(larder: Larder, length: int, headers: dict[str, str]) -> bytes:
    """The status line that comes back when only the head of a POST was sent."""
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    with socket.create_connection(("127.0.0.1", larder.port), timeout=10) as connection:
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n{lines}"
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        return connection.makefile("rb").readline()


def test_a_wrong_password_is_refused_before_the_body_is_read(shared_larder: Larder) -> None:
    assert b" 401 wrong user name or password" in send_head_only(shared_larder, 1000, basic(USER, "wrong"))
    assert b" 401 uploads need a user name" in send_head_only(shared_larder, 1000, {})


def test_the_limit_is_named_before_the_body_is_read(larder: Larder) -> None:
    (larder.data / "larder.toml").write_text('[repositories.default]\nmax_upload = "1 MiB"\n')
    line = send_head_only(larder, 5 << 20, AUTH)
    assert b" 413 File too large" in line
    assert b"max_upload = 1 MiB" in line


def test_an_upload_to_a_larder_without_users_says_how_to_add_one(start_larder: Start, tmp_path: Path) -> None:
    larder = start_larder()
    answer = upload(larder, make_wheel(tmp_path, "demo", "1.0"))
    assert (answer.status, "scripts/user add" in answer.reason) == (403, True)


def test_an_upload_without_an_indexer_succeeds_and_says_that_the_page_follows(
    start_larder: Start, tmp_path: Path
) -> None:
    larder = start_larder(LARDER_LISTING_WAIT="0.5")
    larder.add_user()
    wheel = make_wheel(tmp_path, "later", "1.0")
    with larder.without("indexer"):
        answer = upload(larder, wheel)
        assert (answer.status, "its page will follow" in answer.text) == (200, True)
    larder.wait_listed("later", wheel)


def test_a_client_that_goes_away_leaves_nothing(larder: Larder, tmp_path: Path) -> None:
    body, headers = form(make_wheel(tmp_path, "gone", "1.0", {"big": bytes(range(256)) * 4000}))
    lines = "".join(f"{key}: {value}\r\n" for key, value in {**headers, **AUTH}.items())
    before = larder.snapshot()
    with socket.create_connection(("127.0.0.1", larder.port)) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body[: len(body) // 2])
        wait_until(lambda: list((larder.data / "incoming").iterdir()))
    wait_until(lambda: not list((larder.data / "incoming").iterdir()))
    assert larder.snapshot() == before


def test_what_a_crash_left_is_swept_at_the_next_start(larder: Larder) -> None:
    larder.stop()
    (larder.data / "incoming/leftover").write_text("half")
    larder.start()
    assert not list((larder.data / "incoming").iterdir())


def test_a_full_disk_is_said_and_nothing_stays(start_larder: Start, tmp_path: Path) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(tmp_path / "data")], check=False
    ).returncode:
        (tmp_path / "data").mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(tmp_path / "data")], check=False)
        if mounted.returncode:
            pytest.skip("mounting a small file system needs root")
    try:
        larder = start_larder()
        larder.add_user()
        before = larder.snapshot()
        wheel = make_wheel(tmp_path, "full", "1.0", {"noise": os.urandom(4 << 20)})
        answer = upload(larder, wheel)
        assert (answer.status, "disk is full" in answer.reason) == (507, True)
        assert larder.snapshot() == before
        larder.stop()
    finally:
        subprocess.run(["umount", str(tmp_path / "data")], check=True)


def peak_memory(pid: int) -> int:
    """Bytes, of one process, the most it ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def test_memory_stays_flat_for_a_large_file(larder: Larder, tmp_path: Path) -> None:
    size = 256 << 20
    wheel = make_wheel(tmp_path, "large", "1.0")
    script = tmp_path / "grow.py"
    script.write_text(
        "import os, sys, zipfile\n"
        "with zipfile.ZipFile(sys.argv[1], 'a', zipfile.ZIP_STORED) as archive:\n"
        "    with archive.open('noise', 'w', force_zip64=True) as noise:\n"
        f"        for _ in range({size >> 20}): noise.write(os.urandom(1 << 20))\n"
    )
    subprocess.run([sys.executable, str(script), str(wheel)], check=True)
    assert upload(larder, wheel).status == 200
    larder.wait_listed("large", wheel, 30)
    pids = [pid for name in ("uploader", "indexer", "nginx") for pid in larder.pids(name)]
    assert max(map(peak_memory, pids)) < size / 2


def test_uploads_of_different_projects_at_once_all_succeed(shared_larder: Larder, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, f"many-{n}", "1.0") for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert [answer.status for answer in pool.map(lambda wheel: upload(shared_larder, wheel), wheels)] == [200] * 20
    assert all(shared_larder.digest(f"many-{n}", wheel.name) == digest(wheel) for n, wheel in enumerate(wheels))


def test_a_form_that_is_damaged_anywhere_is_refused_without_a_trace(shared_larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "fuzz", "1.0")
    body, headers = form(wheel, name="fuzz", sha256_digest=digest(wheel))
    chance = random.Random(1)
    for _ in range(300):
        damaged = bytearray(body)
        start = chance.randrange(len(body))
        if chance.random() < 0.5:
            del damaged[start : start + chance.randrange(1, 400)]
        else:
            damaged[start] ^= chance.randrange(1, 256)
        before = shared_larder.snapshot()
        answer = shared_larder.request("POST", "/", bytes(damaged), headers | AUTH)
        if answer.status == 200:  # what was damaged did not matter
            continue
        assert 400 <= answer.status < 500, (answer, bytes(damaged))
        assert shared_larder.snapshot() == before
