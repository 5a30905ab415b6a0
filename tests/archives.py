"""Real distributions made from a few arguments."""

import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path


def core_metadata(name: str, version: str, **fields: str) -> str:
    """METADATA or PKG-INFO; `Requires_Python=">=3.8"` adds the field Requires-Python."""
    extra = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items())
    summary = "" if "Summary" in fields else "Summary: A test\n"
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{summary}{extra}"


def make_wheel(
    directory: Path, name: str, version: str, files: Mapping[str, bytes] | None = None, **fields: str
) -> Path:
    """A wheel that pip, uv and twine accept; `files` beside a module of the project's name."""
    module = name.replace("-", "_").replace(".", "_")
    info = f"{module}-{version}.dist-info"
    contents = {
        f"{module}.py": f"version = {version!r}\n".encode(),
        **(files or {}),
        f"{info}/METADATA": core_metadata(name, version, **fields).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD"))
    wheel = _at(directory) / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in {**contents, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return wheel


_SETUP = "from setuptools import setup\nsetup(name={name!r}, version={version!r}, py_modules=[{module!r}])\n"


def sdist_contents(name: str, version: str, **fields: str) -> dict[str, bytes]:
    module = name.replace("-", "_").replace(".", "_")
    return {
        "PKG-INFO": core_metadata(name, version, **fields).encode(),
        "setup.py": _SETUP.format(name=name, version=version, module=module).encode(),
        f"{module}.py": f"version = {version!r}\n".encode(),
    }


def make_sdist(directory: Path, name: str, version: str, suffix: str = ".tar.gz", **fields: str) -> Path:
    """An sdist as setuptools makes it: .tar.gz, .tgz, .tar.bz2, .tar or .zip."""
    stem = f"{name}-{version}"
    return make_archive(_at(directory) / f"{stem}{suffix}", stem, sdist_contents(name, version, **fields))


def make_archive(file: Path, top: str, contents: Mapping[str, bytes]) -> Path:
    """An archive of the kind its suffix says, with everything below `top`."""
    if file.suffix in (".zip", ".egg"):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in contents.items():
                archive.writestr(f"{top}/{path}" if top else path, content)
        return file
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".tar": "w"}[file.suffix]
    with tarfile.open(file, mode) as archive:  # type: ignore[call-overload]
        _fill(archive, top, contents)
    return file


def make_egg(directory: Path, name: str, version: str) -> Path:
    contents = {"EGG-INFO/PKG-INFO": core_metadata(name, version).encode(), f"{name}.py": b"x = 1\n"}
    return make_archive(_at(directory) / f"{name}-{version}-py3.11.egg", "", contents)


def make_board_sdist(directory: Path, name: str, version: str, files: Mapping[str, bytes]) -> Path:
    """An sdist as MicroPython's sdist_upip made it: a 4 KiB deflate window, no top-level PKG-INFO."""
    top = f"{name}-{version}"
    contents = {**files, f"{name.replace('-', '_')}.egg-info/PKG-INFO": core_metadata(name, version).encode()}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        _fill(archive, top, contents)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 16 + 12)
    file = _at(directory) / f"{top}.tar.gz"
    file.write_bytes(squeeze.compress(plain.getvalue()) + squeeze.flush())
    return file


def _fill(archive: tarfile.TarFile, top: str, contents: Mapping[str, bytes]) -> None:
    for path, content in contents.items():
        member = tarfile.TarInfo(f"{top}/{path}")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def _at(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def digest(file: Path) -> str:
    """sha256 in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
