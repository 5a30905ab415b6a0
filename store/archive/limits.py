"""What an archive may not exceed, and where none of its members may lie."""

from store.errors import BadArchive, shown

MEMBER_LIMIT = 30_000
ALLOWANCE = 64 << 20  # bytes any archive may unpack to
RATIO = 100  # and then this many for each byte of the file
UNPACKED_LIMIT = 8 << 30  # bytes no archive may unpack to


def check_count(count: int) -> None:
    """Raise BadArchive where there are too many members."""
    if count > MEMBER_LIMIT:
        raise BadArchive(f"it holds more than {MEMBER_LIMIT} members; expected at most that many")


def check_unpacked(unpacked: int, packed: int) -> None:
    """Raise BadArchive where so many bytes from so few are more than a distribution has."""
    if unpacked > ALLOWANCE and unpacked > min(UNPACKED_LIMIT, ALLOWANCE + RATIO * packed):
        raise BadArchive(
            f"it unpacks to {unpacked} bytes or more from {packed}; expected at most "
            f"{ALLOWANCE >> 20} MiB and {RATIO} times its size, and never over {UNPACKED_LIMIT >> 30} GiB"
        )


def check_path(name: str) -> tuple[str, ...]:
    """The parts of a member's path inside the archive; BadArchive where it lies outside."""
    path = name.replace("\\", "/")
    parts = tuple([part for part in path.split("/") if part not in ("", ".")])
    if path.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")):
        raise BadArchive(f"it names {shown(name)}, a path outside itself; expected paths inside")
    return parts


def check_link(parts: tuple[str, ...], target: str) -> None:
    """Raise BadArchive where the symbolic link at `parts` leads outside; `..` is taken back as far as that reaches."""
    if target.startswith("/"):
        check_path(target)
    reached = list(parts[:-1])
    for part in target.split("/"):
        if part == ".." and reached and reached[-1] != "..":
            reached.pop()
        elif part not in ("", "."):
            reached.append(part)
    check_path("/".join(reached))
