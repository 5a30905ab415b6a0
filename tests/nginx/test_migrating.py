"""What MIGRATING.md promises to who comes from pypiserver: directory and users work as they are."""

import os
import shutil
import time
from pathlib import Path

from tests.archives import digest, make_sdist, make_wheel
from tests.nginx.users import KINDS, add_user
from tests.running import HERE, PASSWORD, Larder, basic, form, free_port, wait_until

PAGE = (HERE / "MIGRATING.md").read_text()


def test_a_directory_and_a_password_file_of_pypiserver_work_as_they_are(tmp_path: Path) -> None:
    before = tmp_path / "pypi"
    files = [
        make_wheel(before, "flat", "1.0"),
        make_sdist(before, "flat", "1.0"),
        make_wheel(before / "team" / "old", "nested", "2.0"),
    ]
    (before / f"{files[0].name}.asc").write_text("-----BEGIN PGP SIGNATURE-----\n")
    (before / "notes.txt").write_text("not a distribution\n")
    (before / ".hidden-1.0.tar.gz").write_bytes(b"nothing")
    larder = Larder(tmp_path / "data", free_port(), tmp_path / "log")
    (larder.data / "auth").mkdir(parents=True)
    for kind in KINDS:  # as `htpasswd` writes them
        if kind != "SSHA":
            add_user(larder, kind, f"user-{kind}")
    users = (larder.data / "auth/.htpasswd").read_bytes()
    shutil.copytree(before, larder.packages)
    (larder.data / "larder.toml").write_text('[repositories.default]\ndelete = ["authenticated"]\n')
    larder.start()
    try:
        for file in files:
            larder.wait_listed(
                "nested" if "nested" in file.name else "flat", larder.packages / file.relative_to(before)
            )
        assert larder.detail("flat")[files[0].name]["hashes"]["sha256"] == digest(files[0])
        assert larder.get(f"/packages/{files[0].name}.asc").status == 200
        wait_until(lambda: "notes.txt" in larder.get("/").text)  # why it is not listed
        for kind in KINDS[1:]:
            wheel = make_wheel(tmp_path / "new", f"by-{kind}", "1.0")
            body, headers = form(wheel)
            login = basic(f"user-{kind}", PASSWORD)
            assert larder.request("POST", "/", body, {**headers, **login}).status == 200, kind
        assert (larder.data / "auth/.htpasswd").read_bytes() == users
    finally:
        larder.stop()


def test_what_pywharf_had_is_there(larder: Larder, tmp_path: Path) -> None:
    """Two secrets as two tokens, a client's addresses, and the time of the last change."""
    (larder.data / "larder.toml").write_text("[repositories.wharf]\ndownload = []\nupload = []\n")
    wait_until(lambda: larder.get("/repositories/wharf/simple/").status == 401)
    reader, writer = (
        larder.add_token(name, "--repository", "wharf", *rights)
        for name, rights in (("readers", ["--download"]), ("writers", ["--download", "--upload"]))
    )
    began = int(time.time())
    wheel = make_wheel(tmp_path / "new", "demo", "1.0")
    assert larder.upload(wheel, "/repositories/wharf/simple/", reader).status == 403
    assert larder.upload(wheel, "/repositories/wharf/simple/", writer).status == 200
    assert larder.get("/repositories/wharf/simple/demo/", **reader).status == 200
    said = larder.get("/repositories/wharf/index_mtime/", **reader)
    assert (said.status, said.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert began <= int(said.text) <= time.time()
    assert larder.get("/repositories/wharf/index_mtime/").status == 401


def test_the_time_of_the_last_change_changes_with_the_index_alone(larder: Larder) -> None:
    def told() -> int:
        return int(larder.get("/index_mtime/").text)

    first = make_wheel(larder.packages, "first", "1.0")
    larder.wait_listed("first", first)
    projects = larder.paths.default.projects
    for change in (lambda: make_wheel(larder.packages, "first", "2.0"), first.unlink):
        os.utime(projects, (1000, 1000))
        assert told() == 1000
        (larder.packages / "notes.part").write_text("nothing that is listed")
        change()
        wait_until(lambda: told() > 1000)
    with larder.without("uploader"):
        assert (larder.get("/index_mtime/").status, larder.get("/simple/").status) == (503, 200)


def test_each_option_of_pypiserver_has_its_line() -> None:
    options = (
        "-p`, `--port`", "`-i`, `-H`, `--interface`, `--host`", "`-P`, `--passwords", "`-a ", "`-o`, `--overwrite`",
        "--cache-control", "--hash-algo", "--fallback-url", "--disable-fallback", "--health-endpoint", "--welcome",
        "--backend", "--server`", "--log-file", "--log-stream", "--log-frmt", "-v`", "--server-base-url",
        "pypi-server update",
    )  # fmt: skip
    assert [option for option in options if option not in PAGE] == []
