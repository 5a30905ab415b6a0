"""Raw files by the clients that people have: curl and HTTPie."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.environments import find_client, run_client
from tests.running import PASSWORD, USER, Larder, running_in, wait_until

LOGIN = f"{USER}:{PASSWORD}"


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    with running_in(tmp_path_factory.mktemp("raw")) as found:
        found.add_user()
        found.rule("[files.data]\n")
        wait_until(lambda: found.get("/files/data/").status == 200)
        yield found


@pytest.mark.parametrize("options", [[], ["--http1.0"], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]])
@pytest.mark.parametrize("size", [10, 3 << 20])
def test_curl_puts_a_file_and_gets_it(larder: Larder, tmp_path: Path, options: list[str], size: int) -> None:
    source, name = tmp_path / "y1.dat", f"y1-{size}{'-'.join(options).replace(' ', '').replace(':', '')}.dat"
    source.write_bytes(b"\0" * size)
    url = f"{larder.url}/files/data/by/curl/{name}"
    done = run_client(["curl", "-sS", "-T", source, "-u", LOGIN, *options, url], tmp_path / "home")
    assert done.stdout == f"data/by/curl/{name} stored\n"
    fetched = subprocess.run(["curl", "-sS", url], capture_output=True, check=True).stdout
    assert fetched == source.read_bytes()


def test_curl_names_the_file_after_a_slash_and_shows_a_refusal(larder: Larder, tmp_path: Path) -> None:
    source = tmp_path / "named.dat"
    source.write_bytes(b"1")
    command: list[str | Path] = ["curl", "-sS", "-T", source, "-u", LOGIN, f"{larder.url}/files/data/"]
    assert run_client(command, tmp_path / "home").stdout == "data/named.dat stored\n"
    source.write_bytes(b"2")
    assert "File already exists" in run_client(command, tmp_path / "home").stdout
    source.write_bytes(b"12")
    assert "expected the whole" in run_client([*command, "-C", "1"], tmp_path / "home").stdout


def test_httpie_puts_a_file(larder: Larder, tmp_path: Path) -> None:
    source = tmp_path / "y1.dat"
    source.write_bytes(b"\0\1" * 1000)
    http, url = find_client("http", "httpie"), f"{larder.url}/files/data/by/httpie.dat"
    command = f"{http} --check-status -a {LOGIN} PUT {url} < {source}"
    done = run_client(["sh", "-c", command], tmp_path / "home")
    assert done.returncode == 0, done.stdout
    assert larder.get("/files/data/by/httpie.dat").body == source.read_bytes()
