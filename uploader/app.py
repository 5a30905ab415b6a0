"""The routes: what nginx asks the uploader."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from store.settings import Settings
from uploader import boards, index_mtime, metrics, notices, repositories
from uploader.answers import errors_as_http
from uploader.audit_file import AUDIT, AuditFile
from uploader.auth import reads
from uploader.auth.gatehouse import Gatehouse
from uploader.auth.reads import Reads
from uploader.boards import Boards
from uploader.change.changes import Changes
from uploader.change.copies import Copies
from uploader.change.prunings import Prunings
from uploader.files import directories
from uploader.files.address import is_below_files
from uploader.files.directories import Directories
from uploader.files.stores import Stores
from uploader.health import Health
from uploader.index_mtime import IndexMtime
from uploader.metrics import Metrics
from uploader.named import Named
from uploader.notices import Notices
from uploader.readable import Readable
from uploader.redirects import redirect
from uploader.repositories import Repositories
from uploader.rules import Rules
from uploader.search import searches as searching
from uploader.search.searches import Searches
from uploader.tally import TALLY, Tally
from uploader.upload.calm import Calm
from uploader.upload.form import COPY, PRUNING, REMOVAL
from uploader.upload.listed import Listings
from uploader.upload.uploads import Uploads
from uploader.upstream import fallback as upstream
from uploader.upstream.fallback import Fallback

SERVER: dict[str, Any] = {
    "auto_decompress": False,  # a body is taken as it comes, or not at all
    "max_line_size": 1 << 14,  # more than nginx lets through
    "max_field_size": 1 << 14,
}
"""What the server that runs the application is to be made with."""

ANY = "/{path:(?s:.*)}"  # with line feeds in it, too

BODY_LIMIT = 1 << 62  # aiohttp's own, which must never be the one that is met: max_upload is


def create_app(settings: Settings) -> web.Application:
    data = settings.data
    app = web.Application(middlewares=[errors_as_http], client_max_size=BODY_LIMIT)
    app[AUDIT] = AuditFile(data)
    app[TALLY] = Tally()
    gatehouse = Gatehouse(data)
    calm = Calm()
    fallback = Fallback(data, settings.upstream_logins, calm)
    app.router.add_get("/health", Health(data, gatehouse.elsewhere, fallback).answer)
    app.cleanup_ctx.append(gatehouse.keeping)
    app.cleanup_ctx.append(Named(data).keeping)
    app.router.add_get(reads.ADDRESS, Reads(data, gatehouse.authorization, gatehouse.admissions).answer)
    readable = Readable(data, gatehouse.authorization)
    app.router.add_get(repositories.ADDRESS, Repositories(data, readable).answer)
    app.router.add_get(notices.ADDRESS, Notices(data).answer)
    app.router.add_get(index_mtime.ADDRESS, IndexMtime(data).answer)
    app.router.add_get(metrics.ADDRESS, Metrics(data, app[TALLY]).answer)
    listings = Listings(data)
    changes = Changes(data, settings.listing_wait, gatehouse.authorization, listings)
    forms = {
        REMOVAL: changes.remove_release,
        COPY: Copies(data, settings.listing_wait, gatehouse.authorization, listings).copy,
        PRUNING: Prunings(Rules(data), gatehouse.authorization, changes).prune,
    }
    uploads = Uploads(settings, gatehouse.authorization, listings, forms, calm)
    raw = Stores(data, gatehouse.authorization, calm)
    shelves = Directories(data, gatehouse.authorization, readable)
    app.router.add_get(directories.ADDRESS, shelves.list)
    app.router.add_get(directories.ALL, shelves.list_all)
    searches = Searches(data, gatehouse.authorization)
    app.router.add_get(searching.ADDRESS, searches.answer)
    for_boards = Boards(data, listings)
    app.router.add_get(boards.PACKAGES, for_boards.package)
    app.router.add_get(boards.ARCHIVES, for_boards.archive)
    app.router.add_get(boards.BOARD_FILES, for_boards.file)
    app.router.add_get(upstream.PAGES, fallback.page)
    app.router.add_get(upstream.FILES, fallback.file)
    app.cleanup_ctx.append(fallback.closing)
    app.router.add_get(ANY, redirect)
    app.router.add_post(ANY, _either(_is_call, searches.call, uploads.take))
    app.router.add_put(ANY, _either(_is_raw, raw.put, changes.put))
    app.router.add_delete(ANY, _either(_is_raw, raw.delete, changes.delete))
    app.on_cleanup.append(lambda _: uploads.close())
    app.on_cleanup.append(shelves.close)
    return app


def _either(is_so: Callable[[web.Request], bool], one: Handler, other: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await (one if is_so(request) else other)(request)

    return handle


def _is_call(request: web.Request) -> bool:
    """XML is a question; everything else that is sent is a change."""
    return request.content_type == searching.XML


def _is_raw(request: web.Request) -> bool:
    return is_below_files(request.rel_url.raw_path)
