"""Password hashes, of every kind that nginx's auth_basic takes. All of passlib is here.

nginx checks {SSHA}, {SHA}, {PLAIN} and $apr1$ itself and gives the rest to crypt(3); so do we, where passlib lacks it.
"""

import ctypes
import hmac

from passlib.context import CryptContext

_PASSLIB = CryptContext(
    [
        "ldap_salted_sha1",
        "ldap_sha1",
        "apr_md5_crypt",
        "sha256_crypt",
        "sha512_crypt",
        "bcrypt",
        "md5_crypt",
        "des_crypt",
    ],
    ldap_salted_sha1__salt_size=8,
)
_PLAIN = b"{PLAIN}"
_LENGTH_LIMIT = 1000  # characters; real ones have up to 150
_BCRYPT_LIMIT = 72  # bytes of a password that bcrypt looks at
_CRYPT_DATA = 1 << 15  # bytes, sizeof(struct crypt_data)


def hash_password(password: str) -> str:
    """Salted, and checked by nginx at nearly the speed of no check."""
    return str(_PASSLIB.hash(password))


def is_usable(hashed: bytes) -> bool:
    """Whether a password can be checked against it."""
    if hashed.startswith(_PLAIN):
        return True
    if not hashed.isascii() or len(hashed) > _LENGTH_LIMIT:
        return False
    return _PASSLIB.identify(hashed.decode()) is not None or _crypt_knows(hashed)


def matches(password: bytes, hashed: bytes) -> bool:
    """Whether a usable hash is of this password. Slow where the hash is strong."""
    if hashed.startswith(_PLAIN):
        return hmac.compare_digest(hashed.removeprefix(_PLAIN), password)
    text = hashed.decode()
    if _PASSLIB.identify(text) is None:
        return _crypt(password, hashed) == hashed
    if text.startswith("$2"):
        password = password[:_BCRYPT_LIMIT]
    try:
        return bool(_PASSLIB.verify(password, text))
    except ValueError:  # a NUL in the password, or digits that are out of range in the hash
        return False


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
    if _LIBRARY is None:
        return None
    found: bytes | None = _LIBRARY.crypt_rn(password, hashed, ctypes.create_string_buffer(_CRYPT_DATA), _CRYPT_DATA)
    return found
