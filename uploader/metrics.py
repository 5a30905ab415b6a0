"""How it goes, in figures, for Prometheus: what was uploaded since the start, and what the indexer says of itself.

All of prometheus_client is here, and imported when the first asks. nginx fills in what it knows of its connections.
"""

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import Iterable, Iterator
from typing import Any

from aiohttp import web

from store.current import InForce
from store.data import Data
from store.errors import shown
from store.heartbeat import Heartbeat, read_heartbeat
from store.policy import LOOPBACK
from uploader.answers import HttpRefusal
from uploader.audit import client_of
from uploader.tally import BUCKETS, Tally

ADDRESS = "/.metrics"

# With a proxy on this machine everybody seems to come from there: then larder.toml has to say that this is meant.
_FORWARDED = {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP"}
_FIGURES = {
    "files": "Distributions that are listed",
    "projects": "Projects that have pages",
    "rejected": "Files that could not be listed",
    "bytes": "Size of all distributions that are listed",
    "queue": "Files to be read and projects whose pages are to be made",
    "reconciled": "When everything was compared with the disk last, in seconds since 1970",
}


class Metrics:
    """Answers those whose addresses `larder.toml` has; this machine, where it has none."""

    def __init__(self, data: Data, tally: Tally) -> None:
        self._data = data
        self._tally = tally
        self._policies = InForce(data)

    async def answer(self, request: web.Request) -> web.Response:
        client, policies = client_of(request), self._policies.read()
        networks = policies.metrics if policies else LOOPBACK
        if not _is_in(client, networks) or (networks == LOOPBACK and _FORWARDED & set(request.headers)):
            raise HttpRefusal(403, f"{shown(client)} may not see the metrics; expected one of metrics in larder.toml")
        body = await asyncio.to_thread(self._render)
        return web.Response(body=body, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    def _render(self) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - 4 MB that few need

        registry = CollectorRegistry()
        registry.register(_Collector(self._data, self._tally))
        return generate_latest(registry) + _OF_NGINX


def _is_in(client: str, networks: Iterable[str]) -> bool:
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(client)
        return any(address in ipaddress.ip_network(network) for network in networks)
    return False


class _Collector:
    """Asked once, in a thread that may wait for a disk."""

    def __init__(self, data: Data, tally: Tally) -> None:
        self._data = data
        self._tally = tally

    def collect(self) -> Iterator[Any]:
        yield from _collect_uploads(self._tally)
        yield from _collect_figures(*read_heartbeat(self._data))
        yield from _collect_space(self._data)


def _collect_uploads(tally: Tally) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily  # noqa: PLC0415

    labels = ["repository"]
    uploads = CounterMetricFamily("larder_uploads", "Uploads by what came of them", labels=[*labels, "outcome"])
    for key, count in sorted(tally.outcomes.items()):
        uploads.add_metric(key, count)
    sizes = CounterMetricFamily("larder_uploaded_bytes", "Bytes of accepted uploads", labels=labels)
    for repository, size in sorted(tally.sizes.items()):
        sizes.add_metric([repository], size)
    listed = HistogramMetricFamily("larder_upload_seconds", "Seconds until an upload was listed", labels=labels)
    for repository, (total, *counts) in sorted(tally.seconds.items()):
        below = [(str(limit), sum(counts[: at + 1])) for at, limit in enumerate((*BUCKETS, "+Inf"))]
        listed.add_metric([repository], below, total)
    yield from (uploads, sizes, listed)


def _collect_figures(heartbeat: Heartbeat, age: float) -> Iterator[Any]:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    yield GaugeMetricFamily("larder_heartbeat_age_seconds", "Seconds since the indexer said how it is", value=age)
    yield GaugeMetricFamily("larder_faults", "Reasons why /health is not 200, of the indexer", len(heartbeat.faults))
    for name, meaning in _FIGURES.items():
        family = GaugeMetricFamily(f"larder_{name}", meaning, labels=["repository"])
        for repository, figures in heartbeat.figures.items():
            family.add_metric([repository], figures.get(name, 0))
        yield family


def _collect_space(data: Data) -> Iterator[Any]:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    family = GaugeMetricFamily("larder_free_bytes", "Free space where distributions lie", labels=["repository"])
    with contextlib.suppress(OSError):
        for repository in data.repositories():
            with contextlib.suppress(OSError):
                facts = os.statvfs(repository.packages)
                family.add_metric([repository.name], facts.f_bavail * facts.f_frsize)
    yield family


def _count_by_nginx() -> str:
    """Its own counters, which it fills in: accepted connections, those it had room for, and requests."""
    said = "".join(f"[^0-9]+(?<{name}>[0-9]+)" for name in _COUNTED_BY_NGINX)
    lines = "".join(
        f"# HELP larder_nginx_{name}_total {meaning}\n# TYPE larder_nginx_{name}_total counter\n"
        f'larder_nginx_{name}_total <!--# echo var="{name}" -->\n'
        for name, meaning in _COUNTED_BY_NGINX.items()
    )
    status = '<!--# include virtual="/.status" set="status" -->'
    return f'{status}<!--# if expr="$status = /requests{said}/" -->{lines}<!--# endif -->'


_COUNTED_BY_NGINX = {
    "accepted": "Connections that nginx accepted",
    "handled": "Connections that nginx had room for",
    "requests": "Requests to nginx",
}
_OF_NGINX = (
    "# HELP larder_nginx_connections Connections of nginx by what they do\n"
    "# TYPE larder_nginx_connections gauge\n"
    + "".join(
        f'larder_nginx_connections{{state="{state}"}} <!--# echo var="connections_{state}" -->\n'
        for state in ("active", "reading", "writing", "waiting")
    )
    + _count_by_nginx()
).encode()
