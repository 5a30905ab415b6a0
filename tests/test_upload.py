"""An upload, from the first byte to the answer."""

from pathlib import Path

from tests.archives import digest, make_wheel
from tests.running import PASSWORD, USER, Larder, basic, form


def test_an_upload_is_listed_when_it_is_answered(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    body, headers = form(wheel, name="demo", version="1.0", sha256_digest=digest(wheel))
    answer = larder.request("POST", "/", body, headers | basic(USER, PASSWORD))
    assert (answer.status, larder.digest("demo", wheel.name)) == (200, digest(wheel))
