"""nginx, uploader and indexer in the foreground, over one data directory: the Python half of `scripts/serve`.

It keeps nothing but a fresh directory with what nginx.conf expects around itself, and leaves nothing behind. Where
root starts it, the programs run as somebody who may do no more than they need.
"""

from pathlib import Path

HERE = Path(__file__).resolve().parent.parent.parent
