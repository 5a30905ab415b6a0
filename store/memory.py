"""Memory that a burst of work took, given back when it is over."""

import ctypes
import gc

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; others keep less


def give_back() -> None:
    """Let go of what nothing refers to any more; for a moment nothing else is done."""
    gc.collect()
    if _trim:
        _trim(0)
