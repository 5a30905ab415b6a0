"""Uploads through nginx, with the indexer at work: what no room can promise alone."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.archives import digest, make_board_sdist, make_egg, make_sdist, make_wheel
from tests.conftest import Start
from tests.running import HERE, PASSWORD, USER, Answer, Larder, basic, form, wait_until

AUTH = basic(USER, PASSWORD)


def upload(larder: Larder, file: Path, path: str = "/", auth: dict[str, str] = AUTH, **fields: str) -> Answer:
    body, headers = form(file, **fields)
    return larder.request("POST", path, body, headers | auth)


def set_policy(larder: Larder, text: str) -> None:
    (larder.data / "larder.toml").write_text(f"[repositories.default]\n{text}\n")


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


def test_of_ten_different_files_of_one_name_at_once_one_wins(shared_larder: Larder, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / str(n), "race", "1.0", {f"n{n}.py": bytes([n])}) for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda wheel: upload(shared_larder, wheel), wheels))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9
    winner = wheels[[answer.status for answer in answers].index(200)]
    assert shared_larder.digest("race", winner.name) == digest(winner)
    assert not list(shared_larder.packages.glob(".*"))


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
    set_policy(larder, 'max_upload = "1 MiB"')
    wait_until(lambda: "max_upload_text='1 MiB'" in larder.log)
    line = send_head_only(larder, 5 << 20, AUTH)
    assert b" 413 File too large" in line
    assert b"max_upload = 1 MiB" in line


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


def test_an_upload_is_listed_by_an_indexer_that_was_killed_and_started_again_meanwhile(
    start_larder: Start, tmp_path: Path
) -> None:
    larder = start_larder(LARDER_LISTING_WAIT="20")
    larder.add_user()
    assert upload(larder, make_wheel(tmp_path, "before", "1.0")).status == 200
    [pid] = larder.pids("indexer")
    wheel = make_wheel(tmp_path, "meanwhile", "1.0")
    with ThreadPoolExecutor(1) as pool:
        os.kill(pid, signal.SIGSTOP)
        answer = pool.submit(upload, larder, wheel)
        wait_until((larder.packages / wheel.name).exists)
        os.kill(pid, signal.SIGKILL)
        assert (answer.result(20).status, "follow" in answer.result().text) == (200, False)
    assert larder.digest("meanwhile", wheel.name) == digest(wheel)


def test_what_was_uploaded_is_not_read_again_to_be_listed(start_larder: Start, tmp_path: Path) -> None:
    larder = start_larder(LARDER_LOG_LEVEL="DEBUG")
    larder.add_user()
    wheels = [make_wheel(tmp_path, f"once-{n}", "1.0") for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        assert [answer.status for answer in pool.map(lambda wheel: upload(larder, wheel), wheels)] == [200] * 20
    dropped = make_wheel(larder.packages, "dropped", "1.0")
    larder.wait_listed("dropped", dropped)
    read = [wheel.name for wheel in (*wheels, dropped) if f"read {wheel.name!r}" in larder.log]
    assert dropped.name in read
    assert len(read) < len(wheels) / 2  # a message may come late, seldom


def test_a_client_that_goes_away_leaves_nothing(larder: Larder, tmp_path: Path) -> None:
    """After more than fits into all the buffers on the way."""
    body, headers = form(make_wheel(tmp_path, "gone", "1.0", {"big": os.urandom(40 << 20)}))
    lines = "".join(f"{key}: {value}\r\n" for key, value in {**headers, **AUTH}.items())
    before = larder.snapshot()
    with socket.create_connection(("127.0.0.1", larder.port)) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body[: len(body) // 2])
    wait_until(lambda: "refused POST" in larder.log)
    assert larder.log.count("refused POST") == 1
    assert larder.snapshot() == before


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
    [uploader] = larder.pids("uploader")
    before = peak_memory(uploader)
    assert upload(larder, wheel).status == 200
    larder.wait_listed("large", wheel, 30)
    assert peak_memory(uploader) - before < 64 << 20
    pids = [pid for name in ("uploader", "indexer", "nginx") for pid in larder.pids(name)]
    assert max(map(peak_memory, pids)) < size / 2


def test_uploads_of_different_projects_at_once_all_succeed(shared_larder: Larder, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, f"many-{n}", "1.0") for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert [answer.status for answer in pool.map(lambda wheel: upload(shared_larder, wheel), wheels)] == [200] * 20
    assert all(shared_larder.digest(f"many-{n}", wheel.name) == digest(wheel) for n, wheel in enumerate(wheels))


def test_other_bytes_replace_a_file_where_overwriting_is_on(larder: Larder, tmp_path: Path) -> None:
    first = make_wheel(tmp_path / "1", "over", "1.0")
    second = make_wheel(tmp_path / "2", "over", "1.0", {"second.py": b""})
    assert upload(larder, first).status == 200
    assert "immutable" in larder.get(f"/packages/{first.name}").headers["Cache-Control"]
    set_policy(larder, "overwrite = true")
    wait_until(lambda: "immutable" not in larder.get(f"/packages/{first.name}").headers["Cache-Control"])
    assert upload(larder, second).status == 200
    assert larder.digest("over", second.name) == digest(second)
    assert larder.get(f"/packages/{first.name}").body == second.read_bytes()
    etags = []
    for number in range(3):  # all within a second, and of one size
        other = make_wheel(tmp_path / f"3{number}", "over", "1.0", {"second.py": b"%d" % number})
        assert upload(larder, other).status == 200
        etags.append(larder.get(f"/packages/{first.name}").headers["ETag"])
        assert larder.get(f"/packages/{first.name}", If_None_Match=etags[0]).status == (200 if number else 304)
    assert len(set(etags)) == 3


def test_htpasswd_works_for_uploads_and_for_reading(larder: Larder, tmp_path: Path) -> None:
    set_policy(larder, 'download = ["authenticated"]')
    wait_until(lambda: larder.get("/simple/").status == 401)
    wheel = make_wheel(tmp_path, "demo", "1.0")
    for option in ([], ["-s"], ["-m"], ["-B"], ["-2"], ["-5"], ["-d"]):
        command = ["htpasswd", *option, "-b", str(larder.data / "auth/.htpasswd"), "bob", "s3cret"]
        subprocess.run(command, check=True, capture_output=True)
        for password, is_right in (("s3cret", True), ("wrong", False)):
            expected = 200 if is_right else 401
            assert upload(larder, wheel, auth=basic("bob", password)).status == expected, option
            assert larder.get("/simple/", **basic("bob", password)).status == expected, option


def test_scripts_user_asks_for_the_password_twice(tmp_path: Path) -> None:
    def add(*typed: str) -> str:
        leader, follower = pty.openpty()
        command = [str(HERE / "scripts/user"), "--data", str(tmp_path), "add", "ann"]
        process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, start_new_session=True)
        said = ""
        for question, answer in zip(("Password: ", "Again: "), typed, strict=True):
            said += read_until(leader, question)
            os.write(leader, answer.encode() + b"\n")
        process.wait(10)
        said += os.read(leader, 1000).decode()
        return said

    assert "differ" in add("one", "two")
    assert (tmp_path / "auth/.htpasswd").read_text() == ""
    add("same", "same")
    assert (tmp_path / "auth/.htpasswd").read_text().startswith("ann:{SSHA}")


def read_until(descriptor: int, text: str) -> str:
    said = ""
    deadline = time.monotonic() + 20
    while text not in said:
        assert time.monotonic() < deadline, said
        said += os.read(descriptor, 1000).decode()
    return said
