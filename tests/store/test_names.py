"""File names: what they claim, and what they may not be."""

import pytest

from store.errors import BadName
from store.names import check_agrees, parse_filename


@pytest.mark.parametrize(
    ("filename", "name", "version"),
    [
        ("pytz-2012b.tar.bz2", "pytz", "2012b"),
        ("pytz-2012b.tgz", "pytz", "2012b"),
        ("pytz-2012a.zip", "pytz", "2012a"),
        ("greenlet-0.3.4-py3.1-win-amd64.egg", "greenlet", "0.3.4"),
        ("greenlet-0.3.4-py2.7-linux-x86_64.egg", "greenlet", "0.3.4"),
        ("pep8-0.6.0.zip", "pep8", "0.6.0"),
        ("A100-200-XYZ-1.2.3.zip", "A100-200-XYZ", "1.2.3"),
        ("package-1.0.0-alpha.1.zip", "package", "1.0.0-alpha.1"),
        ("package-1.3.7+build.11.e0f985a.zip", "package", "1.3.7+build.11.e0f985a"),
        ("package-v1.1-8.1.301+ga0df26f.zip", "package-v1.1", "8.1.301+ga0df26f"),
        ("package-2013.02.17.dev123.zip", "package", "2013.02.17.dev123"),
        ("package-123-20000101.zip", "package-123", "20000101"),
        ("pywin32-217-cp27-none-win32.whl", "pywin32", "217"),
        ("pywin32-217.1-cp27-none-win32.whl", "pywin32", "217.1"),
        ("pywin32-217-55-cp27-none-win32.whl", "pywin32", "217"),
        ("my-micropython-package-0.2.0rc99+dev42.tar.gz", "my-micropython-package", "0.2.0rc99+dev42"),
        ("Demo_Pkg-1.0.tar.gz", "demo.pkg", "1.0.0"),
        ("pkg-3!1.0.tgz", "pkg", "3!1.0"),
    ],
)
def test_a_name_agrees_with_its_metadata(filename: str, name: str, version: str) -> None:
    check_agrees(parse_filename(filename), name, version)
    for other in ((f"{name}x", version), (name, "99")):
        with pytest.raises(BadName, match="its metadata is of"):
            check_agrees(parse_filename(filename), *other)


@pytest.mark.parametrize(
    "filename",
    ["", ".x-1.0.zip", "../x-1.0.zip", "a/x-1.0.zip", "x\0-1.0.zip", "x y-1.0.zip", "é-1.0.zip", "x-1.0.zip\n",
     "x-1.0", "x-1.0.exe", "some_wheel.whl", "x-1.0.tar.gz.asc", "x" * 300 + "-1.0.zip", "-x-1.0.zip"],
)  # fmt: skip
def test_a_name_no_distribution_can_have_is_refused(filename: str) -> None:
    with pytest.raises(BadName) as caught:
        parse_filename(filename)
    assert "\n" not in str(caught.value)
