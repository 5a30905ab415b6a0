"""Settings: read once, and everything wrong with them in one line."""

from pathlib import Path

import pytest

from store.data import Data
from store.errors import Refused
from store.settings import read_settings


def refusal(environment: dict[str, str], **options: str) -> str:
    with pytest.raises(Refused) as caught:
        read_settings(environment, {f"LARDER_{name.upper()}": (f"--{name}", value) for name, value in options.items()})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_everything_has_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert settings.data == Data.at(tmp_path / "data", tmp_path / "run")
    assert (settings.host, settings.port, settings.run_as, settings.watch) == ("0.0.0.0", 8089, None, "auto")
    assert (settings.poll_interval, settings.reconcile_interval, settings.listing_wait) == (0.5, 600, 10)
    assert settings.log_level == "INFO"


def test_each_directory_can_lie_elsewhere() -> None:
    settings = read_settings({"LARDER_DATA": "/a", "LARDER_SITE": "/b", "LARDER_STATE": "/c", "LARDER_RUN": "/d"})
    assert settings.data == Data(Path("/a"), Path("/b"), Path("/c"), Path("/d"))
    assert read_settings({"LARDER_DATA": "/a"}).data.site == Path("/a/site")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DATA", "", "the path of a directory"),
        ("SITE", "a\0b", "the path of a directory"),
        ("HOST", "", "a name or an address"),
        ("HOST", "a; b", "a name or an address"),
        ("PORT", "zzz", "a whole number from 1 to 65535"),
        ("PORT", "-5", "a whole number from 1 to 65535"),
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("PORT", "65536", "a whole number from 1 to 65535"),
        ("PORT", "²", "a whole number from 1 to 65535"),
        ("PORT", "1" * 5000, "a whole number from 1 to 65535"),
        ("UID", "0", "a whole number from 1"),
        ("GID", "root", "a whole number from 1"),
        ("WATCH", "bogus", "one of auto, poll"),
        ("LOG_LEVEL", "debug", "one of DEBUG, INFO, WARNING, ERROR"),
        ("POLL_INTERVAL", "0", "seconds, more than 0"),
        ("POLL_INTERVAL", "nan", "seconds, more than 0"),
        ("RECONCILE_INTERVAL", "inf", "seconds, more than 0"),
        ("LISTING_WAIT", "-1", "seconds, more than 0"),
        ("LISTING_WAIT", "x\ny", "seconds, more than 0"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_was_expected(name: str, value: str, expected: str) -> None:
    said = refusal({f"LARDER_{name}": value})
    assert said.startswith(f"LARDER_{name}='")
    assert expected in said
    assert len(said) < 300


def test_all_that_is_wrong_is_said_at_once() -> None:
    said = refusal({"LARDER_PORT": "zzz", "LARDER_WATCH": "bogus", "LARDER_LISTING_WAIT": "soon"})
    assert [name in said for name in ("LARDER_PORT", "LARDER_WATCH", "LARDER_LISTING_WAIT")] == [True] * 3


def test_an_option_wins_and_is_named_as_it_was_given() -> None:
    settings = read_settings({"LARDER_PORT": "zzz"}, {"LARDER_PORT": ("--port", "99"), "LARDER_HOST": ("--host", None)})
    assert (settings.port, settings.host) == (99, "0.0.0.0")
    assert refusal({"LARDER_PORT": "99"}, port="x", data="") == (
        "--data=''; expected the path of a directory; --port='x'; expected a whole number from 1 to 65535"
    )


def test_a_group_is_that_of_the_user_unless_said() -> None:
    assert read_settings({"LARDER_UID": "1234"}).run_as == (1234, 1234)
    assert read_settings({"LARDER_UID": "1234", "LARDER_GID": "5"}).run_as == (1234, 5)
