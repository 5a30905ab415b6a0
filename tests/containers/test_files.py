"""What compose.yaml and Dockerfile say again, because they cannot ask Python."""

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
    assert f"default {INSIDE.policy_in_force};" in DOCKERFILE
    assert f'uploader.connect("{INSIDE.socket.relative_to("/larder")}")' in COMPOSE
