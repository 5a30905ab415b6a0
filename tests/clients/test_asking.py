"""Clients that ask rather than install: pip search, mirrors, and who wants hashes."""

from functools import partial
from pathlib import Path

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.clients.environments import find_client, run_client
from tests.running import PASSWORD, USER, Larder, basic, wait_until

AUTH = basic(USER, PASSWORD)
MIRROR = """[mirror]
directory = {directory}
master = {url}
allow-non-https = true
json = false
timeout = 10
workers = 1
hash-index = false
stop-on-error = true
compare-method = hash
simple-format = ALL
"""


@pytest.mark.parametrize("path", ["", "/", "/pypi"])
def test_pip_searches(shared_larder: Larder, tmp_path: Path, path: str) -> None:
    shared_larder.upload(make_wheel(tmp_path, "sought-after", "1.5"), "/", AUTH)
    wait_until(lambda: "sought-after" in shared_larder.get("/-/projects.json").text)
    pip: list[str | Path] = [
        find_client("pip"),
        "search",
        "--disable-pip-version-check",
        "--index",
        shared_larder.url + path,
    ]
    found = run_client([*pip, "sought", "nothing"], tmp_path / "home")
    assert (found.returncode, found.stdout.strip()) == (0, "sought-after (1.5)  - A test")
    assert run_client([*pip, "absent"], tmp_path / "home").returncode == 23


def test_pip_searches_a_repository_with_a_password(larder: Larder, tmp_path: Path) -> None:
    larder.rule('[repositories.team]\ndownload = ["authenticated"]\nupload = ["authenticated"]\n')
    wait_until(lambda: larder.get("/repositories/team/simple/", **AUTH).status == 200)
    larder.upload(make_wheel(tmp_path, "secret-thing", "1.0"), "/repositories/team/", AUTH)
    wait_until(lambda: "secret-thing" in larder.get("/repositories/team/-/projects.json", **AUTH).text)
    pip: list[str | Path] = [find_client("pip"), "search", "--no-input", "--disable-pip-version-check", "secret"]
    found = run_client([*pip, "--index", f"{larder.login_url}/repositories/team"], tmp_path / "home")
    assert "secret-thing (1.0)" in found.stdout
    refused = run_client([*pip, "--index", f"{larder.url}/repositories/team"], tmp_path / "home")
    assert refused.returncode != 0
    assert "secret-thing" not in refused.stdout


def is_known(larder: Larder, file: Path) -> bool:
    """To who asks for JSON, and to who asks for all projects."""
    project, version = file.name.removesuffix(".tar.gz").split("-")[:2]
    told = larder.get("/-/projects.json").text
    return file.name in larder.get(f"/pypi/{project}/json").text and f'["{project}","{version}",' in told


def test_bandersnatch_mirrors_and_goes_on_where_it_was(larder: Larder, tmp_path: Path) -> None:
    config, mirrored = tmp_path / "mirror.conf", tmp_path / "mirror"
    config.write_text(MIRROR.format(directory=mirrored, url=larder.url))
    files = [make_wheel(tmp_path, "first", "1.0"), make_sdist(tmp_path, "second", "2.0")]
    for round_ in (files, [make_wheel(tmp_path, "first", "1.1")]):
        for file in round_:
            assert larder.upload(file, "/", AUTH).status == 200
            wait_until(partial(is_known, larder, file))
        done = run_client([find_client("bandersnatch"), "-c", config, "mirror"], tmp_path / "home")
        assert done.returncode == 0, done.stdout
        found = {path.name: digest(path) for path in (mirrored / "web/packages").rglob("*") if path.is_file()}
        assert {file.name: digest(file) for file in round_}.items() <= found.items(), done.stdout
    page = mirrored / "web/simple/first/index.html"
    assert "first-1.1" in page.read_text()
    assert "data-yanked" not in page.read_text()
    (larder.packages / "first-1.0-py3-none-any.whl.yanked").write_text("breaks")
    wait_until(lambda: larder.get("/pypi/first/1.0/json").json()["info"]["yanked"])
    marked = int((larder.packages / "first-1.0-py3-none-any.whl.yanked").stat().st_mtime)
    wait_until(lambda: serial(larder, "first") == marked)
    done = run_client([find_client("bandersnatch"), "-c", config, "mirror"], tmp_path / "home")
    assert 'data-yanked="breaks"' in page.read_text(), done.stdout


def serial(larder: Larder, project: str) -> int:
    """As the list of all projects has it."""
    return {name: int(at) for name, _, _, at, _ in larder.get("/-/projects.json").json()}[project]


def test_pip_compile_knows_all_hashes_without_a_download(shared_larder: Larder, tmp_path: Path) -> None:
    files = [make_wheel(tmp_path, "hashed", "1.0"), make_sdist(tmp_path, "hashed", "1.0")]
    for file in files:
        shared_larder.upload(file, "/", AUTH)
    wait_until(lambda: all(file.name in shared_larder.get("/pypi/hashed/json").text for file in files))
    (tmp_path / "in").write_text("hashed\n")
    command: list[str | Path] = [
        find_client("pip-compile"),
        "--generate-hashes",
        "--no-config",
        "--verbose",
        "-o",
        tmp_path / "out",
    ]
    index = ["--index-url", f"{shared_larder.url}/simple", "--trusted-host", "127.0.0.1"]
    done = run_client([*command, *index, tmp_path / "in"], tmp_path / "home")
    assert done.returncode == 0, done.stdout
    assert all(f"sha256:{digest(file)}" in (tmp_path / "out").read_text() for file in files)
    assert "Couldn't get hashes from PyPI" not in done.stdout
