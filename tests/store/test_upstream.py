"""What larder.toml says of another index: addresses, patterns and hosts."""

import pytest

from store.policy import Policy
from store.policy_file import parse_policies
from store.upstream import is_private, origin_of, read_pattern, read_url

HEAD = "[repositories.default]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://index.example/simple/", "https://index.example/simple/"),
        ("https://index.example/simple", "https://index.example/simple/"),
        ("http://127.0.0.1:8089", "http://127.0.0.1:8089/"),
        ("http://[::1]:8089/a/b", "http://[::1]:8089/a/b/"),
        ("ftp://index.example/", ""),
        ("https://ann:secret@index.example/", ""),
        ("https://index.example/simple/?x=1", ""),
        ("https://index.example/simple/#x", ""),
        ("https://index.example/si mple/", ""),
        ("https://index.example\\@evil.example/", ""),
        ("index.example/simple/", ""),
        ("https:///simple/", ""),
        (7, ""),
    ],
)
def test_an_address_is_read(text: object, expected: str) -> None:
    assert read_url(text) == expected


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://index.example/x", "https://index.example"),
        ("https://INDEX.example:443/x", "https://index.example"),
        ("http://index.example:443/x", "http://index.example:443"),
        ("http://index.example:80", "http://index.example"),
        ("http://index.example?x", "http://index.example"),
        ("https://index.example@evil.example/x", ""),
        ("https://index.example:443@evil.example/x", ""),
        ("https://index.example\\@evil.example/x", ""),
        ("https://index.example%2fevil/x", ""),
        ("file:///etc/passwd", ""),
        ("//index.example/x", ""),
        ("", ""),
    ],
)
def test_an_origin_is_that_of_the_host_that_is_asked(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("acme-*", ["acme-x", "acme-x-y"], ["acme", "acmex", "x-acme-x"]),
        ("Acme_.Core", ["acme-core"], ["acme-core-x"]),
        ("a?b", ["axb"], ["ab", "axxb"]),
        ("*", ["anything"], []),
    ],
)
def test_a_pattern_is_of_normalized_names(pattern: str, fits: list[str], others: list[str]) -> None:
    read = read_pattern(pattern)
    assert [is_private(name, [read]) for name in (*fits, *others)] == [True] * len(fits) + [False] * len(others)


def parse(text: str) -> Policy:
    return parse_policies(f"{HEAD}{text}".encode()).of("default")


def test_all_of_it_is_read() -> None:
    text = (
        'upstream = "https://index.example/simple"\nfallback = "proxy"\nprivate = ["Acme_*"]\n'
        'upstream_hosts = ["https://Files.example:443/", "http://[::1]:81"]\nupstream_cache = "1 GB"\n'
    )
    assert parse(text) == Policy(
        upstream="https://index.example/simple/",
        fallback="proxy",
        private=("acme-*",),
        upstream_hosts=("https://files.example", "http://[::1]:81"),
        upstream_cache=10**9,
    )
    assert parse('upstream = ""').upstream == ""


@pytest.mark.parametrize(
    ("text", "reason", "is_off"),
    [
        ('upstream = "https://ann:s@index.example/"', "LARDER_UPSTREAM_LOGINS has users", True),
        ('fallback = "mirror"', 'expected "redirect" or "proxy"; nothing is looked up', True),
        ('private = ["acme-*", "ac me"]', "nothing is looked up", True),
        ('private = "acme-*"', "nothing is looked up", True),
        ('upstream_hosts = ["https://files.example/path"]', 'such as "https://files.example"', False),
        ('upstream_cache = "much"', "expected a size", False),
        ('upstreem = "x"', "is no key", True),
    ],
)
def test_what_cannot_be_has_nothing_looked_up(text: str, reason: str, is_off: bool) -> None:
    """Of two lines about one thing the other would have it on."""
    before = '[repositories.default]\nupstream = "https://index.example/"\nprivate = ["x"]\n[repositories.team]\n'
    policies = parse_policies(f"{before}{text}\n".encode())
    policy = policies.of("team")
    looks = bool(policy.upstream and policy.fallback and not is_private("anything", policy.private))
    assert looks is not is_off
    [mistake] = policies.mistakes
    assert reason in str(mistake)


def test_another_repository_has_the_upstream_of_the_default_one_unless_it_says_otherwise() -> None:
    text = f'{HEAD}upstream = "https://index.example/"\nprivate = ["acme-*"]\n[repositories.off]\nupstream = ""\n'
    policies = parse_policies(text.encode())
    assert (policies.of("other").upstream, policies.of("other").private) == ("https://index.example/", ("acme-*",))
    assert policies.of("off").upstream == ""
