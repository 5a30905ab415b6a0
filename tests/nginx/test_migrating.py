"""What MIGRATING.md promises to who comes from pypiserver: directory and users work as they are."""

import shutil
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


def test_each_option_of_pypiserver_has_its_line() -> None:
    options = (
        "-p`, `--port`", "`-i`, `-H`, `--interface`, `--host`", "`-P`, `--passwords", "`-a ", "`-o`, `--overwrite`",
        "--cache-control", "--hash-algo", "--fallback-url", "--disable-fallback", "--health-endpoint", "--welcome",
        "--backend", "--server`", "--log-file", "--log-stream", "--log-frmt", "-v`", "--server-base-url",
        "pypi-server update",
    )  # fmt: skip
    assert [option for option in options if option not in PAGE] == []
