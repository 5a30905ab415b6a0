"""python -m scripts.bench.dataset DIR --files N: put a data set of N files into DIR, flat."""

import argparse
from pathlib import Path

from scripts.bench.dataset.make import make

parser = argparse.ArgumentParser(prog="dataset", description="Put valid wheels and sdists into a directory.")
parser.add_argument("directory", metavar="DIR", type=Path)
parser.add_argument("--files", metavar="N", type=int, default=10_000)
chosen = parser.parse_args()
make(chosen.directory, chosen.files)
