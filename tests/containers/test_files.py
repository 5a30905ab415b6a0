"""What compose.yaml and Dockerfile say again, because they cannot ask Python."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from store.data import Data
from store.heartbeat import ALIVE
from tests.running import HERE

COMPOSE = (HERE / "compose.yaml").read_text()
DOCKERFILE = (HERE / "Dockerfile").read_text()
INSIDE = Data(Path("/larder/data"), Path("/larder/site"), Path("/larder/state"), Path("/larder/run"))


def test_an_indexer_is_healthy_as_long_as_it_is_taken_for_alive() -> None:
    assert f"find {INSIDE.heartbeat.relative_to('/larder')} -newermt '{ALIVE:g} seconds ago'" in COMPOSE


def test_the_images_name_the_paths_that_the_programs_use() -> None:
    for name, path in (("DATA", INSIDE.root), ("SITE", INSIDE.site), ("STATE", INSIDE.state), ("RUN", INSIDE.run)):
        assert f"LARDER_{name}={path}" in DOCKERFILE
    assert f"server unix:{INSIDE.socket};" in DOCKERFILE
    assert f"$in_force {{ default {INSIDE.policy_in_force}; }}" in DOCKERFILE
    assert f"$admitted {{ default {INSIDE.admitted}; }}" in DOCKERFILE
    assert f'uploader.connect("{INSIDE.socket.relative_to("/larder")}")' in COMPOSE


def test_nginx_starts_with_a_secret_of_its_own(tmp_path: Path) -> None:
    """As the runtime of `scripts/serve` writes it."""
    shutil.copy(HERE / "nginx/start", tmp_path)
    for name in ("tmp", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin/nginx").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "bin/nginx").chmod(0o755)
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    file, secrets = tmp_path / "tmp/secret.conf", set()
    for _ in range(2):
        said = subprocess.run([tmp_path / "start"], env=environment, capture_output=True, text=True, check=True).stdout
        assert said == f"-p {tmp_path} -c {tmp_path}/nginx.conf -e stderr -g daemon off;\n"
        assert re.fullmatch(r'map "" \$secret { default "[0-9A-Za-z+/]{20}"; }\n', file.read_text())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        secrets.add(file.read_text())
    assert len(secrets) == 2
