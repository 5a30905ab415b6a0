"""The system's certificates, or what OpenSSL's SSL_CERT_FILE and SSL_CERT_DIR name: they take 1.8 MB."""

import contextlib
import functools
import os
import ssl
from collections.abc import Iterator

FILE = ssl.get_default_verify_paths().openssl_cafile_env


@contextlib.contextmanager
def unread() -> Iterator[None]:
    """Meanwhile there seem to be none, for aiohttp, which reads them when it is imported."""
    usual = os.environ.get(FILE)
    os.environ[FILE] = os.devnull
    try:
        yield
    finally:
        del os.environ[FILE]
        if usual is not None:
            os.environ[FILE] = usual


@functools.cache
def read() -> ssl.SSLContext:
    """What proves a server to be whose name it has."""
    return ssl.create_default_context()
