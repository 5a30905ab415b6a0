"""Raw files on a running Larder: each verb, who may, what is refused, and that nothing is ever half there."""

import base64
import hashlib
import http.client
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.archives import digest
from tests.conftest import Start
from tests.running import PASSWORD, USER, Answer, Larder, basic, running_in, wait_until
from tests.uploader.test_with_the_rest import peak_memory

ANN = basic(USER, PASSWORD)
READER, NOBODY = basic("reader", PASSWORD), basic("ann", "wrong")
POLICY = """
[repositories.default]
delete = ["ann"]
upload = ["ann"]
[files.data]
[files.changing]
overwrite = true
max_upload = "1 MB"
[files.closed]
download = ["ann", "reader"]
"""


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    with running_in(tmp_path_factory.mktemp("raw")) as found:
        for user in (USER, "reader"):
            found.add_user(user, PASSWORD)
        found.rule(POLICY)
        wait_until(lambda: found.get("/files/changing/").status == 200)
        wait_until(lambda: found.get("/files/closed/", **ANN).status == 200)
        yield found


def put(
    larder: Larder,
    path: str,
    body: bytes = b"x",
    *,
    login: Mapping[str, str] = ANN,
    headers: Mapping[str, str] | None = None,
    **named: str,
) -> Answer:
    """`If_Match="…"` is the header If-Match."""
    sent = {name.replace("_", "-"): value for name, value in named.items()}
    return larder.request("PUT", f"/files/{path}", body, {**login, **sent, **(headers or {})})


def tree(larder: Larder) -> dict[str, bytes]:
    """Every path below the stores, with its content."""
    files = larder.data / "files"
    return {str(path.relative_to(files)): path.read_bytes() if path.is_file() else b"" for path in files.rglob("*")}


def test_what_was_put_is_read_in_parts_and_removed(larder: Larder) -> None:
    answer = put(larder, "data/a/b%20c/y1.dat", b"0123456789")
    assert (answer.status, answer.text) == (201, "data/a/b c/y1.dat stored\n")
    path = "/files/data/a/b%20c/y1.dat"
    assert (larder.data / "files/data/a/b c/y1.dat").read_bytes() == b"0123456789"
    found = larder.get(path)
    assert (found.status, found.body, found.headers["ETag"]) == (200, b"0123456789", answer.headers["ETag"])
    assert found.headers["Cache-Control"] == "no-cache"
    part = larder.get(path, Range="bytes=2-4")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert larder.get(path, If_None_Match=found.headers["ETag"]).status == 304
    head = larder.request("HEAD", path)
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "10", b"")
    assert larder.request("DELETE", path, headers=ANN).status == 204
    assert [larder.get(path).status, larder.request("DELETE", path, headers=ANN).status] == [404, 404]
    assert larder.request("DELETE", "/files/data/a/", headers=ANN).status == 409
    for directory in ("/files/data/a/b%20c/", "/files/data/a/"):
        assert larder.request("DELETE", directory, headers=ANN).status == 204
    assert not (larder.data / "files/data/a").exists()


def test_the_same_bytes_are_a_success_and_others_are_refused_unless_overwriting_is_on(larder: Larder) -> None:
    for store, replaced in (("data", 409), ("changing", 204)):
        statuses = [put(larder, f"{store}/over.bin", body).status for body in (b"one", b"one", b"two", b"three")]
        assert statuses == [201, 204, replaced, replaced]
    assert larder.get("/files/data/over.bin").body == b"one"
    assert larder.get("/files/changing/over.bin").body == b"three"
    assert "File already exists" in put(larder, "data/over.bin", b"two").reason


def test_what_takes_the_place_of_a_file_has_another_tag(larder: Larder) -> None:
    tags = []
    for body in (b"1", b"2", b"3"):  # within a second
        answer = put(larder, "changing/tag", body)
        tags.append(answer.headers["ETag"])
        assert larder.get("/files/changing/tag").headers["ETag"] == tags[-1]
    assert len(set(tags)) == 3


@pytest.mark.parametrize(
    ("login", "store", "expected"),
    [
        ({}, "data", (200, 401, 401)),
        (READER, "data", (200, 403, 403)),
        (ANN, "data", (200, 201, 204)),
        (NOBODY, "data", (200, 401, 401)),
        ({}, "closed", (401, 401, 401)),
        (READER, "closed", (200, 403, 403)),
        (ANN, "closed", (200, 201, 204)),
        (NOBODY, "closed", (401, 401, 401)),
    ],
)
def test_each_right_is_for_whom_the_policy_names(
    larder: Larder, login: dict[str, str], store: str, expected: tuple[int, int, int]
) -> None:
    put(larder, f"{store}/there")
    for _ in range(2):  # what is remembered is as what is not
        paths = (f"/files/{store}/there", f"/files/{store}/", f"/files/{store}/nope")
        reads = [larder.get(path, **login).status for path in paths]
        assert reads == [expected[0], expected[0], 404 if expected[0] == 200 else expected[0]]
        sent = put(larder, f"{store}/right", login=login).status
        assert (expected[0], sent, larder.request("DELETE", f"/files/{store}/right", headers=login).status) == expected


def test_a_policy_that_changes_is_in_force_at_once(larder: Larder) -> None:
    put(larder, "data/there")
    larder.rule(f"{POLICY}\n[files.other]\ndownload = []\n".replace("[files.data]", "[files.data]\ndownload = []"))
    assert larder.get("/files/data/there", **ANN).status == 403
    larder.rule(POLICY)
    (larder.data / "files/other").rmdir()
    wait_until(lambda: larder.get("/files/data/there").status == 200)


def test_a_token_can_be_for_one_store(larder: Larder) -> None:
    login = larder.add_token("data-only", "--files", "data", "--upload")
    assert put(larder, "data/by-token", login=login).status == 201
    assert put(larder, "changing/by-token", login=login).status == 403
    everywhere = larder.add_token("everywhere", "--upload")
    assert put(larder, "changing/by-token", login=everywhere).status == 201


def test_a_store_comes_and_goes_with_its_directory(larder: Larder) -> None:
    assert put(larder, "later/x").status == 404
    (larder.data / "files/later").mkdir()
    (larder.data / "files/later/x.txt").write_text("ж")
    wait_until(lambda: larder.get("/files/later/x.txt").status == 200)
    found = larder.get("/files/later/x.txt")
    assert (found.text, found.headers["Content-Type"]) == ("ж", "text/plain; charset=utf-8")
    (larder.data / "files/later/x.txt").unlink()
    (larder.data / "files/later").rmdir()
    wait_until(lambda: larder.get("/files/later/x.txt").status == 404)


def test_a_file_that_came_by_scp_is_served(larder: Larder, sshd: list[str], tmp_path: Path) -> None:
    source = tmp_path / "from/nested/y1.dat"
    source.parent.mkdir(parents=True)
    source.write_bytes(os.urandom(1 << 20))
    subprocess.run(["scp", "-r", *sshd, str(source.parent), f"127.0.0.1:{larder.data}/files/data/"], check=True)
    assert larder.get("/files/data/nested/y1.dat").body == source.read_bytes()


def digest_of(body: bytes, algorithm: str) -> str:
    return base64.b64encode(hashlib.new(algorithm.replace("-", ""), body).digest()).decode()


@pytest.mark.parametrize("field", ["Content-Digest", "Repr-Digest"])
@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512", "md5"])
def test_a_digest_that_is_sent_is_checked(larder: Larder, field: str, algorithm: str) -> None:
    body, name = os.urandom(1 << 19), f"data/digest-{field}-{algorithm}"
    right, wrong = digest_of(body, algorithm), digest_of(b"other", algorithm)
    before = tree(larder)
    refused = put(larder, name, body, headers={field: f"{algorithm}=:{wrong}:"})
    assert (refused.status, f"{field}: {algorithm}=:{wrong}: does not match" in refused.text) == (400, True)
    both = f"{algorithm}=:{right}:, md5=:{wrong}:"
    assert put(larder, name, body, headers={field: f"unknown=:AA==:, {both}"}).status == 400
    assert tree(larder) == before
    assert put(larder, name, body, headers={field: f"unknown=:AA==:, {algorithm}=:{right}:;x"}).status == 201


@pytest.mark.parametrize(
    "sent", ["", "sha-256", "sha-256=abc", "sha-256=:!!:", "crc32c=:AAAA:", "sha-256=::", "\x80=1"]
)
def test_a_digest_that_cannot_be_checked_is_refused(larder: Larder, sent: str) -> None:
    before = tree(larder)
    answer = put(larder, "data/undigested", Content_Digest=sent)
    assert (answer.status, "expected such as sha-256=:BASE64:" in answer.text) == (400, True)
    assert tree(larder) == before


def test_conditions_are_honoured(larder: Larder) -> None:
    path = "changing/conditional"
    assert put(larder, path, If_Match="*").status == put(larder, path, If_Match='"1-1"').status == 412
    assert put(larder, path, b"1", If_None_Match="*").status == 201
    tag = larder.get(f"/files/{path}").headers["ETag"]
    assert put(larder, path, b"1", If_None_Match="*").status == 412
    assert put(larder, path, b"2", If_None_Match=f'"x", W/{tag}').status == 412
    for refused in ('"1-1"', f"W/{tag}"):
        assert put(larder, path, b"2", If_Match=refused).status == 412
    assert put(larder, path, b"2", If_Unmodified_Since="Mon, 01 Jan 2001 00:00:00 GMT").status == 412
    for odd in ("x", '"x', "*, *", ""):
        assert put(larder, path, b"2", If_Match=odd).status == 400
    assert larder.get(f"/files/{path}").body == b"1"
    assert put(larder, path, b"2", If_Match=f'"1-1", {tag}').status == 204
    assert larder.request("DELETE", f"/files/{path}", headers={**ANN, "If-Match": tag}).status == 412
    now = larder.get(f"/files/{path}").headers["ETag"]
    assert larder.request("DELETE", f"/files/{path}", headers={**ANN, "If-Match": now}).status == 204


def test_of_many_at_once_one_wins(larder: Larder) -> None:
    def send(number: int) -> int:
        return put(larder, "changing/race/deep/file", str(number).encode() * 1000, If_None_Match="*").status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(8)))
    assert sorted(statuses) == [201, *[412] * 7]
    assert larder.get("/files/changing/race/deep/file").body == str(statuses.index(201)).encode() * 1000


HOSTILE = {
    "/files/data/../../x": 400,
    "/files/data/%2e%2e/x": 400,
    "/files/data/..%2f..%2fx": 400,
    "/files/data/a%2fb": 400,
    "/files/data/%2fetc%2fx": 400,
    "/files/data/./x": 400,
    "/files/../auth/.htpasswd": 400,
    "/files/%2e%2e/auth/x": 400,
    "/files/data/a%0d%0aX: 1": 400,
    "/files/data/a%0ab": 400,
    "/files/data/%ff": 400,
    "/files/data/a%c2%85b": 400,
    "/files/data/%e2%80%a8": 400,
    "/files/data/.hidden": 400,
    "/files/data/x.part": 400,
    "/files/data/x.tmp/y": 400,
    "/files/data/sub/": 400,
    "/files/data/": 400,
    "/files/data": 400,
    f"/files/data/{'n' * 256}": 400,
    f"/files/data/{'n/' * 101}x": 400,
    f"/files/data/{('n' * 200 + '/') * 11}x": 400,
    "/files/Data/x": 404,
    "/files/larder.toml/x": 404,
    "/files//x": 404,
    "/files/": 404,
    "/files": 404,
    "/repositories/default/files/data/x": 405,
}  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_names_stay_inside_the_store(larder: Larder, path: str) -> None:
    before = tree(larder), (larder.data / "auth/.htpasswd").read_bytes()
    answer = larder.request("PUT", path.replace(" ", "%20"), b"x", ANN)
    assert (answer.status, answer.text.count("\n")) == (HOSTILE[path], 1)
    assert answer.text.removesuffix("\n").isprintable()
    assert larder.request("DELETE", path.replace(" ", "%20"), headers=ANN).status in (400, 404, 405)
    assert (tree(larder), (larder.data / "auth/.htpasswd").read_bytes()) == before


@pytest.mark.parametrize("path", ["/files/data/%00", "/files/data/a%00b"])
def test_a_nul_is_refused(larder: Larder, path: str) -> None:
    assert [larder.request(method, path, b"x", ANN).status for method in ("GET", "PUT", "DELETE")] == [400] * 3


READS = (
    "../../auth/.htpasswd", "..%2f..%2fauth/.htpasswd", ".secret", "%2esecret", "x.part", ".d/x", "link",
    "dir/hostname", "dir/", "dir", "loop", "fifo", "n" * 300,
)  # fmt: skip


def test_nothing_outside_is_read_nor_written_by_links(larder: Larder) -> None:
    store = larder.data / "files/data"
    for name in (".secret", "x.part"):
        (store / name).write_text("secret")
    (store / ".d").mkdir()
    (store / ".d/x").write_text("secret")
    for name, target in (("link", "/etc/hostname"), ("dir", "/etc"), ("loop", "loop"), ("gone", "/nowhere")):
        (store / name).symlink_to(target)
    os.mkfifo(store / "fifo")
    said = len(larder.log)
    assert {path: larder.get(f"/files/data/{path}").status for path in READS} == dict.fromkeys(READS, 404)
    for path in ("data/link", "data/gone", "data/dir", "data/dir/x", "data/loop/x", "data/fifo"):
        assert put(larder, path).status == 409, path
    for path in ("link", "dir/hostname", "dir/", "gone", "fifo"):
        assert larder.request("DELETE", f"/files/data/{path}", headers=ANN).status in (404, 409), path
    assert larder.get("/files/data/", Accept="text/plain").text.count("link") == 0
    assert "[crit]" not in larder.log[said:]  # nobody fills a log by asking


def test_a_file_is_where_a_directory_would_be_and_the_other_way_round(larder: Larder) -> None:
    put(larder, "data/plain")
    put(larder, "data/directory/x")
    before = tree(larder)
    assert put(larder, "data/plain/x").status == put(larder, "data/directory").status == 409
    assert larder.request("DELETE", "/files/data/directory", headers=ANN).status == 409
    assert larder.request("DELETE", "/files/data/plain/", headers=ANN).status == 409
    assert larder.request("DELETE", "/files/data/", headers=ANN).status == 405
    assert tree(larder) == before


def test_a_listing_is_in_the_form_that_is_wanted(larder: Larder) -> None:
    for name in ("b<&>.dat", "a.txt", "sub/x", "ж"):
        put(larder, f"data/listed/{quote(name)}", b"12345")
    path = "/files/data/listed/"
    assert larder.get(path, Accept="text/plain").text == "a.txt\nb<&>.dat\nsub/\nж\n"
    entries = larder.get(path, Accept="text/html;q=0.5, application/json").json()["entries"]
    assert [(each["name"], each["type"], each.get("size")) for each in entries] == [
        ("a.txt", "file", 5), ("b<&>.dat", "file", 5), ("sub", "directory", None), ("ж", "file", 5)]  # fmt: skip
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*"):
        page = larder.get(path, Accept=accept)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert '<a href="./b%3C%26%3E.dat">b&lt;&amp;&gt;.dat</a>' in page.text
        assert f"curl -T FILE -u YOUR-NAME {larder.url}/files/data/listed/</pre>" in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Vary"]
    moved = larder.get("/files/data/listed")
    assert (moved.status, moved.headers["Location"]) == (302, "./listed/")
    assert larder.get("/files/data").headers["Location"] == "data/"
    assert larder.get("/files/data/nothing/").status == 404


def test_a_long_listing_goes_on(larder: Larder) -> None:
    many = larder.data / "files/data/many"
    many.mkdir()
    for number in range(10_005):
        (many / f"{number:05}").touch()
    first = larder.get("/files/data/many/", Accept="application/json").json()
    second = larder.get(f"/files/data/many/{first['next']}", Accept="application/json").json()
    names = [each["name"] for each in (*first["entries"], *second["entries"])]
    assert names == [f"{number:05}" for number in range(10_005)]
    assert "next" not in second


def test_the_list_of_stores_is_of_those_that_may_be_read(larder: Larder) -> None:
    def listed(login: dict[str, str]) -> list[str]:
        return larder.get("/files/", **login, Accept="text/plain").text.split()

    assert listed({}) == ["changing/", "data/"]
    assert listed(READER) == ["changing/", "closed/", "data/"]
    assert '<a href="files/data/">data</a>' in larder.get("/").text
    assert "files/closed/" not in larder.get("/").text
    assert '<a href="files/closed/">closed</a>' in larder.get("/", **READER).text


def test_what_is_too_large_is_refused_before_it_is_sent_and_while_it_comes(larder: Larder) -> None:
    before = tree(larder)
    answer = put(larder, "changing/large", b"x" * 1_000_001)
    assert (answer.status, "max_upload = 1 MB" in answer.reason) == (413, True)
    connection = http.client.HTTPConnection("127.0.0.1", larder.port, timeout=20)
    connection.request("PUT", "/files/changing/large", iter([b"x" * 100_000] * 11), ANN, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert tree(larder) == before
    assert put(larder, "changing/large", b"x" * 1_000_000).status == 201


@pytest.mark.parametrize(
    "headers",
    [{"Content-Range": "bytes 0-0/2"}, {"Content-Encoding": "gzip"}],
)
def test_what_is_not_the_whole_file_as_it_is_is_refused(larder: Larder, headers: dict[str, str]) -> None:
    before = tree(larder)
    assert put(larder, "data/odd", headers=headers).status in (400, 415)
    assert tree(larder) == before


def test_nobody_ever_sees_a_part_of_a_file(larder: Larder) -> None:
    """Neither while it comes, nor where it breaks off, nor while it is replaced."""
    before = tree(larder)
    connection = http.client.HTTPConnection("127.0.0.1", larder.port, timeout=20)
    connection.putrequest("PUT", "/files/data/deep/down/slow")
    for name, value in {**ANN, "Content-Length": "1000000"}.items():
        connection.putheader(name, value)
    connection.endheaders(b"x" * 600_000)
    assert larder.get("/files/data/deep/down/slow").status == 404
    assert tree(larder) == before
    said = len(larder.log)
    connection.close()
    wait_until(lambda: "'data/deep/down/slow'" in larder.log[said:])
    assert tree(larder) == before

    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            answer = larder.get("/files/changing/replaced")
            if answer.status == 200:
                seen.add(answer.body)

    bodies = [bytes([letter]) * 300_000 for letter in b"abcdefgh"]
    thread = threading.Thread(target=read)
    thread.start()
    for body in bodies:
        assert put(larder, "changing/replaced", body).status in (201, 204)
    done.set()
    thread.join()
    assert seen <= set(bodies)


def test_what_a_file_says_does_nothing_in_a_browser(larder: Larder) -> None:
    put(larder, "data/page.html", b"<script>alert(1)</script>")
    headers = larder.get("/files/data/page.html").headers
    assert headers["Content-Type"].startswith("text/html")
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_memory_stays_flat_for_a_large_file(larder: Larder, tmp_path: Path) -> None:
    size = 200 << 20
    source = tmp_path / "large"
    with source.open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    [uploader] = larder.pids("uploader")
    before = peak_memory(uploader)
    command = ["curl", "-sS", "-T", str(source), "-u", f"{USER}:{PASSWORD}", f"{larder.url}/files/data/large.bin"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"data/large.bin stored\n"
    assert peak_memory(uploader) - before < 64 << 20
    fetched = tmp_path / "fetched"
    subprocess.run(["curl", "-sS", "-o", str(fetched), f"{larder.url}/files/data/large.bin"], check=True)
    assert digest(fetched) == digest(source)


def test_files_are_read_while_both_programs_stand_still(larder: Larder) -> None:
    put(larder, "data/still", b"here")
    with larder.without("uploader", "indexer"):
        assert larder.get("/files/data/still").body == b"here"
        assert larder.get("/files/closed/x").status == 401
    assert put(larder, "data/still", b"here").status == 204


def test_changes_are_logged_for_the_audit(start_larder: Start) -> None:
    larder = start_larder()
    larder.add_user()
    larder.rule("audit = true\n[files.data]\n")
    wait_until(lambda: put(larder, "data/x").status == 201)
    [line] = larder.paths.audit.read_text().splitlines()[-1:]
    assert '"repository": "files+data"' in line
    assert '"file": "data/x"' in line


def send(larder: Larder, raw: bytes) -> bytes:
    """What is answered to bytes that no client sends."""
    with socket.create_connection(("127.0.0.1", larder.port), timeout=20) as connection:
        connection.sendall(raw)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_a_closed_store_is_listed_to_nobody_else_whatever_the_address(larder: Larder) -> None:
    put(larder, "closed/secret/pw.txt")
    end = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    targets = (
        b"/.files#/closed/secret/", b"http://h/.files#/closed/secret/", b"/.files", b"/.file-stores",
        b"/files/data/#/../closed/secret/", b"/files/data/?/../closed/", b"/simple/.files#/closed/secret/",
    )  # fmt: skip
    for target in targets:
        assert b"pw.txt" not in send(larder, b"GET " + target + end), target
    assert b" 404 " in send(larder, b"GET /.files#/closed/secret/" + end).partition(b"\r\n")[0]


def test_an_address_with_bytes_that_none_has_is_one_line(larder: Larder) -> None:
    end = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    said = len(larder.log)
    assert b" 404 " in send(larder, b"GET /files/data/\xff" + end).partition(b"\r\n")[0]
    assert "Traceback" not in larder.log[said:]


def test_names_of_every_kind_can_be_found_by_the_listing(larder: Larder) -> None:
    odd = larder.data / "files/data/odd"
    (odd / "new\nline").mkdir(parents=True)
    odd.chmod(0o777)
    for name in (b"byte-\xff", b"new\nline/x", "narrow\u202fspace.png".encode(), b"a#b?c%d", b'&<x>"'):
        (odd / os.fsdecode(name)).write_bytes(name)
    assert put(larder, "data/odd/" + quote("screen\u202fshot \U0001f469\u200d\U0001f52c.png")).status == 201
    entries = larder.get("/files/data/odd/", Accept="application/json").json()["entries"]
    assert len(entries) == 6
    for entry in entries:
        assert larder.get(f"/files/data/odd/{entry['url'].removeprefix('./')}").status == 200, entry
    assert larder.get("/files/data/odd/new%0Aline/x").body == b"new\nline/x"
    (odd / os.fsdecode(b"directory-\xff<>")).mkdir()
    for form in ("text/html", "application/json", "text/plain"):
        assert larder.get("/files/data/odd/directory-%FF%3C%3E/", Accept=form).status == 200


def test_a_listing_goes_on_after_a_name_that_is_no_text(larder: Larder) -> None:
    many = larder.data / "files/data/bytes"
    many.mkdir()
    for number in range(10_002):
        (many / os.fsdecode(b"\xff%05d" % number)).touch()
    first = larder.get("/files/data/bytes/", Accept="application/json").json()
    second = larder.get(f"/files/data/bytes/{first['next']}", Accept="application/json").json()
    assert [len(first["entries"]), len(second["entries"])] == [10_000, 2]


def test_what_is_put_after_a_removal_has_another_tag(larder: Larder) -> None:
    tags = []
    for body in (b"AAAA", b"BBBB", b"CCCC"):
        tags.append(put(larder, "data/again", body).headers["ETag"])
        assert larder.get("/files/data/again").headers["ETag"] == tags[-1]
        assert larder.request("DELETE", "/files/data/again", headers=ANN).status == 204
    assert len(set(tags)) == 3


def test_each_writer_is_told_the_tag_of_its_own_bytes(larder: Larder) -> None:
    def send_one(number: int) -> str:
        return put(larder, "changing/tags", b"%06d" % number).headers["ETag"]

    with ThreadPoolExecutor(8) as pool:
        tags = list(pool.map(send_one, range(40)))
    assert len(set(tags)) == 40


def test_what_nginx_may_not_read_is_not_listed(larder: Larder) -> None:
    hidden = larder.data / "files/data/hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "x").touch()
    if hidden.stat().st_uid != os.geteuid() or os.geteuid():
        pytest.skip("only root can keep a directory from the programs")
    assert (larder.get("/files/data/hidden/").status, larder.get("/files/data/hidden/x").status) == (403, 403)
    answer = put(larder, "data/hidden/y")
    assert (answer.status, "expected directories that uid" in answer.reason) == (503, True)


def test_the_list_of_stores_needs_a_password_where_everything_does(start_larder: Start) -> None:
    larder = start_larder()
    larder.add_user()
    larder.rule('[repositories.default]\ndownload = ["authenticated"]\n')
    assert [larder.get("/files/", **login).status for login in ({}, basic(USER, "wrong"), ANN)] == [401, 401, 200]
    assert larder.get("/repositories/none/files/").headers["Location"] == "../simple/files/"


def test_a_slow_client_takes_few_descriptors(larder: Larder) -> None:
    deep = "d/" * 90
    put(larder, f"data/{deep}x")
    [uploader] = larder.pids("uploader")
    before = len(list(Path(f"/proc/{uploader}/fd").iterdir()))
    connections = []
    for number in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", larder.port, timeout=20)
        connection.putrequest("PUT", f"/files/data/{deep}slow-{number}")
        for name, value in {**ANN, "Content-Length": "1000000"}.items():
            connection.putheader(name, value)
        connection.endheaders(b"x")
        connections.append(connection)
    wait_until(lambda: len(list(Path(f"/proc/{uploader}/fd").iterdir())) >= before + 20)
    assert len(list(Path(f"/proc/{uploader}/fd").iterdir())) < before + 100
    limits = Path(f"/proc/{uploader}/limits").read_text()
    [soft, hard] = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert soft == hard
    for connection in connections:
        connection.close()


def test_a_store_that_is_only_read_may_be_read_only(start_larder: Start, tmp_path: Path) -> None:
    store = tmp_path / "data/files/fixed"
    store.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "none", str(store)], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mounting needs root")
    try:
        (store / "x").write_text("fixed")
        subprocess.run(["mount", "-o", "remount,ro", str(store)], check=True)
        (tmp_path / "data/larder.toml").write_text("[files.fixed]\nupload = []\n")
        larder = start_larder()
        assert larder.get("/files/fixed/x").text == "fixed"
        larder.stop()
    finally:
        subprocess.run(["umount", str(store)], check=True)
