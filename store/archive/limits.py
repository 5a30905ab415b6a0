"""What an archive may not exceed, and where none of its members may lie."""

from pathlib import PurePosixPath

from store.errors import BadArchive, shown

MEMBER_LIMIT = 30_000
CHUNK = 1 << 20  # bytes read at once
ALLOWANCE = 64 << 20  # bytes any archive may unpack to
RATIO = 100  # and then this many for each byte of the file
UNPACKED_LIMIT = 8 << 30  # bytes no archive may unpack to


def check_count(count: int) -> None:
    """Raise BadArchive where there are too many members."""
    if count > MEMBER_LIMIT:
        raise BadArchive(f"it holds more than {MEMBER_LIMIT} members; expected at most that many")


def check_unpacked(unpacked: int, packed: int) -> None:
    """Raise BadArchive where so many bytes from so few are more than a distribution has."""
    if unpacked > min(UNPACKED_LIMIT, ALLOWANCE + RATIO * packed):
        raise BadArchive(
            f"it unpacks to {unpacked} bytes or more from {packed}; expected at most "
            f"{ALLOWANCE >> 20} MiB and {RATIO} times its size, and never over {UNPACKED_LIMIT >> 30} GiB"
        )


def check_path(name: str) -> PurePosixPath:
    """Where a member lies inside the archive; BadArchive where that is outside it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise BadArchive(f"it names {shown(name)}, a path outside itself; expected paths inside")
    return path
