"""Removing and yanking over HTTP, on a running Larder: answered when the pages show it, and nothing else touched."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.running import PASSWORD, Answer, Larder, basic, running_in, wait_until

ANN, BOB = basic("ann", PASSWORD), basic("bob", PASSWORD)
POLICY = '[repositories.default]\ndelete = ["ann"]\n[repositories.team]\n'


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """ann may delete, and bob not."""
    directory = tmp_path_factory.mktemp("changes")
    with running_in(directory) as found:
        for user in ("ann", "bob"):
            found.add_user(user)
        found.rule(POLICY)
        wait_until(lambda: found.get("/repositories/team/simple/").status == 200)
        yield found


@pytest.fixture(params=["", "/repositories/team"])
def at(request: pytest.FixtureRequest) -> str:
    """The address of each repository."""
    return str(request.param)


def upload(larder: Larder, at: str, file: Path) -> Answer:
    return larder.upload(file, f"{at}/", ANN)


def remove_release(larder: Larder, at: str, name: str, version: str, login: dict[str, str] = ANN) -> Answer:
    """As pypiserver has it, sent as `curl --form` does."""
    fields = {":action": "remove_pkg", "name": name, "version": version}
    parts = (f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n' for key, text in fields.items())
    headers = {"Content-Type": "multipart/form-data; boundary=b", **login}
    return larder.request("POST", f"{at}/", f"{''.join(parts)}--b--\r\n".encode(), headers)


def page(larder: Larder, at: str, project: str) -> dict[str, object]:
    """File name → whether it is yanked, or why."""
    answer = larder.get(f"{at}/simple/{project}/", Accept="application/vnd.pypi.simple.v1+json")
    return {each["filename"]: each["yanked"] for each in answer.json()["files"]} if answer.status == 200 else {}


def packages(larder: Larder, at: str) -> Path:
    return larder.data / at.lstrip("/") / "packages"


def owned_directory(path: Path) -> None:
    """One that the uploader may write to."""
    path.mkdir(exist_ok=True)
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def test_a_file_is_removed_with_its_signature_and_mark_and_the_page_no_longer_lists_it(
    larder: Larder, at: str, tmp_path: Path
) -> None:
    wheel, sdist = make_wheel(tmp_path, "gone", "1.0"), make_sdist(tmp_path, "gone", "1.0")
    assert [upload(larder, at, file).status for file in (wheel, sdist)] == [200, 200]
    for suffix in (".asc", ".provenance", ".yanked"):
        (packages(larder, at) / (wheel.name + suffix)).write_text("x")
    answer = larder.request("DELETE", f"{at}/packages/{wheel.name}", headers=ANN)
    assert (answer.status, answer.text) == (200, f"{wheel.name} removed\n")
    assert page(larder, at, "gone") == {sdist.name: False}
    assert sorted(path.name for path in packages(larder, at).glob("gone*")) == [sdist.name]
    assert larder.get(f"{at}/packages/{wheel.name}").status == 404
    assert larder.request("DELETE", f"{at}/packages/{wheel.name}", headers=ANN).status == 404
    assert larder.request("DELETE", f"{at}/packages/{sdist.name}", headers=ANN).status == 200
    assert larder.get(f"{at}/simple/gone/").status == 404
    line = f"accepted DELETE '{at}/packages/{wheel.name}' from 127.0.0.1 user 'ann' file '{wheel.name}' sha256 "
    assert f"{line}{digest(wheel)}: removed" in larder.log


@pytest.mark.parametrize(
    ("name", "version"), [("Many_Spelt.Pkg", "1.0"), ("many-spelt-pkg", "v1.0.0"), ("MANY-spelt_pkg", "1")]
)
def test_a_release_is_removed_however_it_is_written(larder: Larder, at: str, name: str, version: str) -> None:
    directory = packages(larder, at)
    owned_directory(directory / "sub")
    kept = make_wheel(directory, "many_spelt_pkg", "1.0.1")
    files = [make_wheel(directory, "many_spelt_pkg", "1.0"), make_sdist(directory / "sub", "many-spelt-pkg", "1.0.0")]
    files.append(make_wheel(directory / "sub", "many_spelt_pkg", "1.0"))  # the same name again
    wait_until(lambda: len(page(larder, at, "many-spelt-pkg")) == 3)
    (directory / f"{files[0].name}.asc").write_text("signature")
    answer = remove_release(larder, at, name, version)
    assert answer.status == 200, answer.text
    assert set(page(larder, at, "many-spelt-pkg")) == {kept.name}
    assert not any(file.exists() for file in (*files, directory / f"{files[0].name}.asc"))
    assert remove_release(larder, at, name, version).status == 404


def test_who_may_delete_and_not_upload_removes_and_uploads_nothing(larder: Larder, tmp_path: Path) -> None:
    file = make_wheel(larder.packages, "apart", "1.0")
    larder.wait_listed("apart", file)
    larder.rule('[repositories.default]\nupload = ["bob"]\ndelete = ["ann"]\n')
    assert upload(larder, "", make_wheel(tmp_path, "apart", "2.0")).status == 403
    assert remove_release(larder, "", "apart", "1.0", BOB).status == 403
    assert remove_release(larder, "", "apart", "1.0").status == 200
    assert not file.exists()
    larder.rule('[repositories.default]\nupload = []\ndelete = ["ann"]\n')
    assert remove_release(larder, "", "apart", "1.0", basic("ann", "wrong")).status == 401
    assert upload(larder, "", make_wheel(tmp_path, "apart", "3.0")).status == 403
    larder.rule("[repositories.default]\ndelete = []\n")
    answer = remove_release(larder, "", "apart", "1.0")
    assert (answer.status, answer.text) == (403, "deleting is closed: larder.toml lets nobody delete\n")
    larder.rule(POLICY)


def test_a_file_is_yanked_and_not_any_more(larder: Larder, at: str, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "yanked", "1.0")
    assert upload(larder, at, wheel).status == 200
    address = f"{at}/packages/{wheel.name}.yanked"
    for sent, shown in (
        ("broken", "broken"),
        ("  does\n<b>not</b> build ü ", "does <b>not</b> build ü"),
        ("x" * 1999 + " yz", "x" * 1999),
        ("", True),
    ):
        for _ in range(2):  # the same again is no news, and waits for none
            answer = larder.request("PUT", address, sent.encode(), ANN)
            assert (answer.status, answer.text) == (200, f"{wheel.name} is yanked\n")
            assert page(larder, at, "yanked") == {wheel.name: shown}
    assert larder.get(address).status == 404
    for _ in range(2):
        assert larder.request("DELETE", address, headers=ANN).status == 200
        assert page(larder, at, "yanked") == {wheel.name: False}
    assert (packages(larder, at) / wheel.name).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [(b"x" * 9000, 413, "at most 2000 characters"), (b"\xff\xfe", 400, "byte 0xff of the reason is not UTF-8")],
)
def test_a_reason_that_cannot_be_one_changes_nothing(
    larder: Larder, tmp_path: Path, body: bytes, status: int, why: str
) -> None:
    wheel = make_wheel(tmp_path, "unreasonable", "1.0")
    upload(larder, "", wheel)
    before = larder.snapshot()
    answer = larder.request("PUT", f"/packages/{wheel.name}.yanked", body, ANN)
    assert (answer.status, why in answer.text) == (status, True), answer.text
    assert larder.snapshot() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("path", ["safe-1.0-py3-none-any.whl", "safe-1.0-py3-none-any.whl.yanked", "nope-1.0.tar.gz"])
def test_nobody_without_the_right_learns_what_is_here(larder: Larder, method: str, path: str) -> None:
    file = larder.packages / "safe-1.0-py3-none-any.whl"
    larder.wait_listed("safe", file if file.exists() else make_wheel(larder.packages, "safe", "1.0"))
    before = larder.snapshot()
    for login, status in (({}, 401), (basic("ann", "wrong"), 401), (BOB, 403)):
        answers = [larder.request(method, f"/packages/{path}", b"x", login) for _ in range(2)]
        assert {answer.status for answer in answers} <= {status, 429}
    wait_until(lambda: larder.request("DELETE", "/packages/nope-1.0.tar.gz", headers=ANN).status == 404, 30)
    assert larder.snapshot() == before


@pytest.mark.parametrize(
    "path",
    ["../auth/.htpasswd", "%2e%2e/auth/.htpasswd", "..%2fauth%2f.htpasswd", ".removed/out-1.0.tar.gz", "a" * 5000,
     "sub/../out-1.0.tar.gz", "leading/out-1.0.tar.gz", "out-1.0.tar.gz/", "/etc/hostname", "out-1.0.tar.gz%00", "",
     "out-1.0.tar.gz%0a", "out-1.0.tar.gz.yanked.yanked", ".yanked", "out-1.0.tar.gz.asc", ".part/out-1.0.tar.gz", ".",
     "sub", "larder.toml"],
)  # fmt: skip
def test_nothing_outside_of_packages_and_nothing_but_a_distribution_is_removed(
    larder: Larder, tmp_path: Path, path: str
) -> None:
    outside = make_sdist(tmp_path, "out", "1.0")
    owned_directory(larder.packages / "sub")
    link = larder.packages / "leading"
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path)
    before = larder.snapshot()
    for method in ("DELETE", "PUT"):
        answer = larder.request(method, f"/packages/{path}", b"x", ANN)
        assert answer.status in (400, 404, 405, 414), (method, answer.status, answer.text)
    assert larder.snapshot() == before
    assert outside.exists()
    link.unlink()


def test_other_bytes_do_not_come_by_way_of_a_removal(larder: Larder, at: str, tmp_path: Path) -> None:
    first = make_wheel(tmp_path / "1", "again", "1.0")
    other = make_wheel(tmp_path / "2", "again", "1.0", {"more.py": b""})
    assert upload(larder, at, first).status == 200
    assert larder.request("DELETE", f"{at}/packages/{first.name}", headers=ANN).status == 200
    answer = upload(larder, at, other)
    assert (answer.status, "File already exists" in answer.reason) == (409, True)
    assert upload(larder, at, first).status == 200
    assert larder.request("DELETE", f"{at}/packages/{first.name}", headers=ANN).status == 200
    larder.rule(POLICY.replace("]\n", "]\noverwrite = true\n", 1))
    assert upload(larder, at, other).status == 200
    larder.rule(POLICY)


def test_many_who_remove_one_file_at_once_are_all_answered(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "once", "1.0")
    upload(larder, "", wheel)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: larder.request("DELETE", f"/packages/{wheel.name}", headers=ANN), range(8)))
    assert {200} <= {answer.status for answer in answers} <= {200, 404}


def test_without_the_indexer_it_is_done_and_said_that_the_page_will_follow(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "later", "1.0")
    upload(larder, "", wheel)
    with larder.without("indexer"):
        answer = larder.request("DELETE", f"/packages/{quote(wheel.name)}", headers=ANN)
    assert (answer.status, "its page will follow" in answer.text) == (200, True)
    wait_until(lambda: larder.get("/simple/later/").status == 404)


def test_a_removal_without_a_name_or_of_what_is_not_here_is_refused(larder: Larder) -> None:
    assert remove_release(larder, "", "", "1.0").status == 400
    assert remove_release(larder, "", "x", "").status == 400
    assert remove_release(larder, "", "../x", "1.0").status == 400
    assert remove_release(larder, "", "x", "not a version").status == 400
    assert remove_release(larder, "", "nothing", "1.0").status == 404


def test_what_cannot_be_removed_is_said_and_stays(larder: Larder, tmp_path: Path) -> None:
    directory = larder.packages / "foreign"
    directory.mkdir()
    wheel = make_wheel(directory, "foreign", "1.0")
    larder.wait_listed("foreign", wheel)
    before = larder.snapshot()
    answer = larder.request("DELETE", f"/packages/foreign/{wheel.name}", headers=ANN)
    assert (answer.status, "Permission denied" in answer.text) == ((503, True) if os.geteuid() == 0 else (200, False))
    assert larder.snapshot() == before or os.geteuid()


def test_what_was_never_listed_may_come_whole(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "botched", "1.0")
    (larder.packages / wheel.name).write_bytes(wheel.read_bytes()[:-30])
    wait_until(lambda: f"rejected '{wheel.name}'" in larder.log)
    assert larder.request("DELETE", f"/packages/{wheel.name}", headers=ANN).status == 200
    assert upload(larder, "", wheel).status == 200


def test_a_copy_that_another_one_hides_is_removed_and_says_nothing_of_that_one(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "shadow", "1.0")
    assert upload(larder, "", wheel).status == 200
    owned_directory(larder.packages / "below")
    copy = larder.packages / "below" / wheel.name
    copy.write_bytes(make_wheel(tmp_path / "other", "shadow", "1.0", {"more.py": b""}).read_bytes())
    assert larder.request("DELETE", f"/packages/below/{wheel.name}", headers=ANN).status == 200
    assert not copy.exists()
    assert upload(larder, "", wheel).status == 200
    assert page(larder, "", "shadow") == {wheel.name: False}


def test_files_that_are_gone_already_hold_up_no_removal_of_a_release(larder: Larder) -> None:
    directory = larder.packages
    files = [make_wheel(directory, "partly", "1.0"), make_sdist(directory, "partly", "1.0")]
    wait_until(lambda: len(page(larder, "", "partly")) == 2)
    with larder.without("indexer"):
        files[0].unlink()
        answer = remove_release(larder, "", "partly", "1.0")
    assert answer.status == 200, answer.text
    assert not any(file.exists() for file in files)
