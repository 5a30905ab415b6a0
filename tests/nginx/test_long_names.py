"""Names of any length: what is too long for any project is not here, and that is all that is said of it."""

import pytest

from tests.nginx.alone import Site

PATHS = ("/simple/{}/", "/{}/", "/project/{}/", "/project/{}/feed.atom", "/pypi/{}/json", "/{}/json", "/{}==1.0/json",
         "/mip/package/6/{}/latest.json", "/mip/package/6/demo/latest~{}.json", "/upip/{}/1.0.tar.gz")  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("parts", [100, 1000, 3000])
def test_a_long_name_is_not_here(shared_site: Site, path: str, parts: int) -> None:
    answer = shared_site.get(path.format("-".join(["a"] * parts)))
    assert answer.status == 404, answer.text
    assert "[alert]" not in shared_site.log
