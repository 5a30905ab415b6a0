"""What Larder refuses. Every message is one line: the offending value, then what was expected."""


class Refused(ValueError):
    """Input that Larder does not take; the data directory is as it was."""


class BadName(Refused):
    """A file name that no distribution can have."""


class BadArchive(Refused):
    """A file that is no whole, bounded archive with core metadata of its own."""


class AlreadyExists(Refused):
    """Other bytes already carry this file name."""


class BadPolicy(Refused):
    """`larder.toml` cannot be used."""


class BadDirectory(Refused):
    """The data directory cannot be used by this process."""
