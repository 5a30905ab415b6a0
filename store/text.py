"""How values are put into words, on the pages of either program."""


def render_printable(text: str) -> str:
    """With escapes for bytes that are no UTF-8 and for what cannot be seen."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def render_size(size: int) -> str:
    units = ["B", "KB", "MB", "GB", "TB"]
    amount = float(size)
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.3g} {units[0]}"
