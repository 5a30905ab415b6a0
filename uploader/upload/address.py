"""What a POST is: to which repository, and whether it can be an upload at all. Nothing of its body is read here."""

import re

from aiohttp import web

from store.data import Data
from store.errors import shown
from store.repository import Repository
from uploader.answers import HttpRefusal

ADDRESSES = "/, /simple/, /legacy/ or /pypi/"

_UPLOAD = re.compile(r"/+(?:(?:simple|legacy|pypi)/*)?")


def find_repository(data: Data, path: str) -> Repository:
    """The repository that an upload to `path` is for, last slash or not; HttpRefusal where none takes uploads there."""
    repository, rest = find_existing(data, path)
    if _UPLOAD.fullmatch(rest):
        return repository
    message = f"{shown(path)} takes no uploads; expected {ADDRESSES}, of a repository"
    raise HttpRefusal(405, message, {"Allow": "GET, HEAD"})


def find_existing(data: Data, path: str) -> tuple[Repository, str]:
    """The repository that `path` is about, and the rest of it; HttpRefusal where there is none of the name."""
    repository, rest = data.find(path)
    if not data.exists(repository):
        raise HttpRefusal(404, f"there is no repository {shown(repository.name)}")
    return repository, rest


def check_head(request: web.Request) -> None:
    """Raise 415 for what is sent as anything else than a plain form, and 403 for what the page of a web site sends.

    A browser adds the password by itself, whichever site's page it shows; no client that uploads says an origin.
    """
    if "Origin" in request.headers:
        raise HttpRefusal(
            403, f"a page of {shown(request.headers['Origin'])} may change nothing here; expected no Origin"
        )
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip(" \t").lower()
    if kind != "multipart/form-data":
        raise HttpRefusal(415, f"{shown(kind)} is no upload; expected multipart/form-data, as twine sends it")
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise HttpRefusal(415, f"Content-Encoding: {shown(encoding)}; expected an upload as it is, not compressed")
