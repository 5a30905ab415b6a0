"""Password hashes, of every kind that nginx's auth_basic takes. All of passlib is here.

nginx checks {SSHA}, {SHA} and {PLAIN} itself, in a microsecond: these are cheap. All others are made to be slow.
"""

import base64
import binascii
import ctypes
import hashlib
import hmac
import secrets
from functools import cache
from typing import Any

_PLAIN, _SHA, _SSHA = b"{PLAIN}", b"{SHA}", b"{SSHA}"
_SHA_SIZE = 20  # bytes
_SALT_SIZE = 8
_LENGTH_LIMIT = 1000  # characters; real ones have up to 150
_BCRYPT_LIMIT = 72  # bytes of a password that bcrypt looks at
_CRYPT_LIMIT = 512  # bytes of a password that crypt(3) does not take
_CRYPT_DATA = 1 << 15  # bytes, sizeof(struct crypt_data)


@cache
def _passlib() -> Any:  # noqa: ANN401 - it has no types
    """Loaded where a hash needs it: that takes 2 MB, and what libxcrypt knows and what is cheap do not."""
    from passlib.context import CryptContext  # noqa: PLC0415

    return CryptContext(["apr_md5_crypt", "sha256_crypt", "sha512_crypt", "bcrypt", "md5_crypt", "des_crypt"])


def hash_password(password: str) -> str:
    """Salted, and checked by nginx at nearly the speed of no check."""
    return _ssha(password.encode(), secrets.token_bytes(_SALT_SIZE)).decode()


def is_cheap(hashed: bytes) -> bool:
    """Whether nginx is to check it. The one place that says so: what is not cheap never gets into its hands."""
    if len(hashed) > _LENGTH_LIMIT:
        return False
    if hashed.startswith(_SHA):
        return len(_decode(hashed.removeprefix(_SHA))) == _SHA_SIZE
    if hashed.startswith(_SSHA):
        return len(_decode(hashed.removeprefix(_SSHA))) > _SHA_SIZE
    return hashed.startswith(_PLAIN)


def is_usable(hashed: bytes) -> bool:
    """Whether a password can be checked against it."""
    if hashed.startswith(_PLAIN) or is_cheap(hashed):
        return True
    if not hashed.isascii() or len(hashed) > _LENGTH_LIMIT:
        return False
    return _crypt_knows(hashed) or _passlib().identify(hashed.decode()) is not None


def matches(password: bytes, hashed: bytes) -> bool:
    """Whether a usable hash is of this password. Slow where it is not cheap, and then mostly without the GIL."""
    if hashed.startswith((_PLAIN, _SHA, _SSHA)):
        return _matches_cheap(password, hashed)
    if hashed.startswith(b"$2"):
        password = password[:_BCRYPT_LIMIT]
    if b"\0" in password:
        return False
    if _crypt_knows(hashed):
        return hmac.compare_digest(_crypt(password, hashed) or b"", hashed)
    try:
        return bool(_passlib().verify(password, hashed.decode()))
    except ValueError:  # digits that are out of range in the hash
        return False


def _matches_cheap(password: bytes, hashed: bytes) -> bool:
    if hashed.startswith(_PLAIN):
        return hmac.compare_digest(hashed.removeprefix(_PLAIN), password)
    if hashed.startswith(_SHA):
        digest = hashlib.sha1(password, usedforsecurity=False).digest()
        return hmac.compare_digest(_SHA + base64.b64encode(digest), hashed)
    salt = _decode(hashed.removeprefix(_SSHA))[_SHA_SIZE:]
    return hmac.compare_digest(_ssha(password, salt), hashed)


def _ssha(password: bytes, salt: bytes) -> bytes:
    digest = hashlib.sha1(password + salt, usedforsecurity=False).digest()
    return _SSHA + base64.b64encode(digest + salt)


def _decode(text: bytes) -> bytes:
    """What the base64 is of, nothing where it is none; spelt as nginx would, which compares the text."""
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
    return found if base64.b64encode(found) == text else b""


def _load_crypt() -> ctypes.CDLL | None:
    """libxcrypt, as every Debian has it."""
    try:
        library = ctypes.CDLL("libcrypt.so.1")
        library.crypt_checksalt.argtypes = [ctypes.c_char_p]
        library.crypt_rn.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int]
        library.crypt_rn.restype = ctypes.c_char_p
    except (OSError, AttributeError):
        return None
    return library


_LIBRARY = _load_crypt()


def _crypt_knows(hashed: bytes) -> bool:
    """By its prefix: without one everything would be DES."""
    return hashed[:1] in (b"$", b"_") and _LIBRARY is not None and _LIBRARY.crypt_checksalt(hashed) not in (1, 2)


def _crypt(password: bytes, hashed: bytes) -> bytes | None:
    if _LIBRARY is None or len(password) >= _CRYPT_LIMIT:
        return None
    found: bytes | None = _LIBRARY.crypt_rn(password, hashed, ctypes.create_string_buffer(_CRYPT_DATA), _CRYPT_DATA)
    return found
