"""What a project's page lists, as the uploader reads it."""

import pytest

from store.data import Data
from store.listing import Listed, find_listed, read_listing, render_listing

ENTRIES = [
    Listed("demo-1.0.tar.gz", "a" * 64, "1.0"),
    Listed('odd/]\n"],\n/demo-2.0.tar.gz', "b" * 64, "2.0", ""),
    Listed('sub/"demo-3.0.tar.gz": [/demo-3.0.zip', "c" * 64, "3.0", 'a "reason"\n'),
    Listed("ümläut/demo-1.0-py3-none-any.whl", "d" * 64, "1.0"),
]


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    root = tmp_path_factory.mktemp("listing")
    found = Data.at(root / "data", root / "run")
    found.default.listing("demo").parent.mkdir(parents=True)
    return found


def test_one_file_is_found_as_all_are_read(data: Data) -> None:
    data.default.listing("demo").write_bytes(render_listing(ENTRIES))
    found = read_listing(data.default, "demo")
    assert sorted(found.values()) == sorted(ENTRIES)
    for filename, listed in found.items():
        assert find_listed(data.default, "demo", filename) == listed


@pytest.mark.parametrize("filename", ["demo-3.0.tar.gz", "emo-1.0.tar.gz", "demo-1.0.tar", "", "a" * 64])
def test_what_is_not_listed_is_not_found(data: Data, filename: str) -> None:
    data.default.listing("demo").write_bytes(render_listing(ENTRIES))
    assert find_listed(data.default, "demo", filename) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b'{\n"x": [\n"a"', b'{\n"x": [\n"a"\n]\n}', b'{\n"x": 1\n]', b'{\n"x": [\n\xff\n]\n}'],
)
def test_a_damaged_listing_lists_nothing(data: Data, content: bytes) -> None:
    assert find_listed(data.default, "demo", "x") is None
    data.default.listing("demo").write_bytes(content)
    assert find_listed(data.default, "demo", "x") is None
    assert read_listing(data.default, "demo") == {}
