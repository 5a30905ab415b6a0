"""One distribution of the plan → the bytes of a valid wheel or sdist, with 14 to 20 members."""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping

from scripts.bench.dataset.plan import HEAVY_SIZE, Distribution
from scripts.bench.dataset.texts import LICENSE, core_metadata, readme, source, take_code

RATIO = {"wheel": 2.6, "sdist": 3.4}  # how many times smaller deflate makes the source
CODE_RATIO = 1.75  # and machine code
OVERHEAD = 4_500  # bytes of everything else in an archive
LEVEL = 6
MEMBERS = 14  # at least

_WHEEL = b"Wheel-Version: 1.0\nGenerator: setuptools (75.0.0)\nRoot-Is-Purelib: true\nTag: py3-none-any\n\n"
_PYPROJECT = b'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
_DATE = (2024, 5, 17, 12, 0, 0)
_TIME = 1_715_947_200


def make_archive(distribution: Distribution) -> bytes:
    """The whole file."""
    return make_wheel(distribution) if distribution.kind == "wheel" else make_sdist(distribution)


def make_wheel(distribution: Distribution, level: int = LEVEL) -> bytes:
    info = f"{distribution.stem}.dist-info"
    contents = _payload(distribution, 5) | {
        f"{info}/METADATA": core_metadata(distribution),
        f"{info}/WHEEL": _WHEEL,
        f"{info}/licenses/LICENSE": LICENSE,
        f"{info}/top_level.txt": distribution.module.encode() + b"\n",
    }
    contents[f"{info}/RECORD"] = _record(contents, f"{info}/RECORD")
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for path, content in contents.items():
            archive.writestr(_entry(path), content, zipfile.ZIP_DEFLATED, level)
    return plain.getvalue()


def make_sdist(distribution: Distribution, level: int = LEVEL) -> bytes:
    metadata = core_metadata(distribution)
    contents = {
        "PKG-INFO": metadata,
        "README.md": readme(distribution),
        "LICENSE": LICENSE,
        "pyproject.toml": _PYPROJECT,
        "setup.py": _setup(distribution),
        **{f"src/{path}": content for path, content in _payload(distribution, 6).items()},
        f"src/{distribution.module}.egg-info/PKG-INFO": metadata,
    }
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in contents.items():
            archive.addfile(_member(f"{distribution.stem}/{path}", content), io.BytesIO(content))
    return gzip.compress(plain.getvalue(), level, mtime=_TIME)


def _payload(distribution: Distribution, others: int) -> dict[str, bytes]:
    """The modules, as many as make 14 to 20 members with the `others`, and as large as the size asks for."""
    count = MEMBERS + distribution.number % 7 - others
    if distribution.size >= HEAVY_SIZE // 2:
        return _code_payload(distribution, count)
    length = max(0, distribution.size - OVERHEAD) * RATIO[distribution.kind] / count
    return {
        path: source().take(distribution.number * 31 + index, int(length * (1.6 if index % 2 else 0.4)))
        for index, path in enumerate(_module_paths(distribution, count))
    }


def _code_payload(distribution: Distribution, count: int) -> dict[str, bytes]:
    """Three compiled extensions that are nearly all of it, and small modules."""
    paths = _module_paths(distribution, count - 3)
    modules = {path: source().take(distribution.number + index, 2_000) for index, path in enumerate(paths)}
    length = int(distribution.size * CODE_RATIO / 3)
    extensions = {
        f"{distribution.module}/_native{index}.so": take_code(distribution.number + index * 997, length)
        for index in range(3)
    }
    return modules | extensions


def _module_paths(distribution: Distribution, count: int) -> list[str]:
    return [f"{distribution.module}/{f'part{index}' if index else '__init__'}.py" for index in range(count)]


def _record(contents: Mapping[str, bytes], own: str) -> bytes:
    lines = [f"{path},sha256={_encoded(content)},{len(content)}\n" for path, content in contents.items()]
    return "".join([*lines, f"{own},,\n"]).encode()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _DATE)
    entry.external_attr = 0o100644 << 16
    return entry


def _member(path: str, content: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.size, member.mtime, member.mode = len(content), _TIME, 0o644
    return member


def _setup(distribution: Distribution) -> bytes:
    arguments = f"name={distribution.project!r}, version={distribution.version!r}, package_dir={{'': 'src'}}"
    return f"from setuptools import setup\nsetup({arguments}, packages=[{distribution.module!r}])\n".encode()
