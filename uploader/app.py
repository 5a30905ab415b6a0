"""The routes: what nginx asks the uploader."""

from typing import Any

from aiohttp import web

from store.data import Data
from store.settings import Settings
from uploader.answers import errors_as_http
from uploader.auth import reads
from uploader.auth.authorize import Authorization
from uploader.auth.htpasswd import Htpasswd
from uploader.auth.passwords import Passwords
from uploader.auth.readers import Readers, keeping
from uploader.auth.reads import Reads
from uploader.health import Health
from uploader.redirects import redirect
from uploader.upload.uploads import Uploads

SERVER: dict[str, Any] = {
    "auto_decompress": False,  # a body is taken as it comes, or not at all
    "max_line_size": 1 << 14,  # more than nginx lets through
    "max_field_size": 1 << 14,
}
"""What the server that runs the application is to be made with."""

ANY = "/{path:(?s:.*)}"  # with line feeds in it, too

BODY_LIMIT = 1 << 62  # aiohttp's own, which must never be the one that is met: max_upload is


def create_app(settings: Settings) -> web.Application:
    app = web.Application(middlewares=[errors_as_http], client_max_size=BODY_LIMIT)
    app.router.add_get("/health", Health(settings.data).answer)
    authorization = _create_authorization(app, settings.data)
    app.router.add_get(reads.ADDRESS, Reads(settings.data, authorization).answer)
    app.router.add_get(ANY, redirect)
    uploads = Uploads(settings.data, settings.listing_wait, authorization)
    app.router.add_post(ANY, uploads.take)
    app.on_cleanup.append(lambda _: uploads.close())
    return app


def _create_authorization(app: web.Application, data: Data) -> Authorization:
    """The one check of uploads and reads; while the application runs nginx knows whom it checks by itself."""
    readers, htpasswd = Readers(data.readers), Htpasswd(data.htpasswd)
    passwords = Passwords(readers.withdraw)
    app.cleanup_ctx.append(lambda _: keeping(readers, htpasswd, passwords))
    return Authorization(htpasswd, passwords)
