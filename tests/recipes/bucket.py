"""A real server of an S3 API, behind an nginx that notes what is changed, and shows a bucket as a website does."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from tests.clients.environments import find_client
from tests.exported import listens
from tests.running import free_port, wait_until

BUCKET = "bucket"
_NGINX = """
daemon off; pid {place}/pid; worker_processes 1; error_log stderr;
events {{ }}
http {{
    client_body_temp_path {place}/tmp; proxy_temp_path {place}/tmp; fastcgi_temp_path {place}/tmp;
    uwsgi_temp_path {place}/tmp; scgi_temp_path {place}/tmp;
    log_format changes '$request_method $request_uri $status';
    client_max_body_size 0; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
    server {{
        listen 127.0.0.1:{api};
        access_log {place}/changes changes;
        location / {{ proxy_pass http://127.0.0.1:{moto}; proxy_set_header Host $http_host; }}
    }}
    server {{
        listen 127.0.0.1:{website};
        access_log off;
        location / {{
            limit_except GET {{ deny all; }}
            rewrite ^/(.*/)?$ /{bucket}/$1index.html break;
            rewrite ^/(.*)$ /{bucket}/$1 break;
            proxy_pass http://127.0.0.1:{moto};
        }}
    }}
}}
"""


@dataclass
class Bucket:
    """Of which what begins with `prefix` is a test's own."""

    front: str
    api: str
    log: Path
    prefix: str = ""

    @property
    def website(self) -> str:
        return f"{self.front}/{self.prefix}"

    @property
    def remote(self) -> str:
        return f"larder:{BUCKET}/{self.prefix}"

    def environment(self) -> dict[str, str]:
        """The remote `larder:` of rclone."""
        of_remote = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENDPOINT": self.api,
            "REGION": "us-east-1",
            "ACCESS_KEY_ID": "key",
            "SECRET_ACCESS_KEY": "secret",
            "ACL": "public-read",
        }
        return {"RCLONE_CONFIG": "", **{f"RCLONE_CONFIG_LARDER_{key}": value for key, value in of_remote.items()}}

    def take_changes(self) -> list[tuple[str, str]]:
        """(PUT or DELETE, path below the prefix) of what was changed since this was asked last, in order."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        self.log.write_text("")
        assert all(status.startswith("2") for method, _, status in lines if method not in ("GET", "HEAD")), lines
        return [
            (method, unquote(uri.partition("?")[0]).removeprefix(f"/{BUCKET}/{self.prefix}/"))
            for method, uri, _ in lines
            if method not in ("GET", "HEAD")
        ]


@contextmanager
def running_bucket(place: Path) -> Iterator[Bucket]:
    """An empty one, meanwhile."""
    moto, api, website = free_port(), free_port(), free_port()
    (place / "tmp").mkdir()
    config = place / "nginx.conf"
    config.write_text(_NGINX.format(place=place, moto=moto, api=api, website=website, bucket=BUCKET))
    server: list[str | Path] = [find_client("moto_server", "moto"), "-H", "127.0.0.1", "-p", str(moto)]
    front: list[str | Path] = ["nginx", "-e", "stderr", "-p", place, "-c", config]
    with (place / "log").open("wb") as log:
        processes = [subprocess.Popen(command, stdout=log, stderr=log) for command in (server, front)]
    try:
        for port in (moto, api, website):
            wait_until(lambda port=port: listens(port), 30)  # type: ignore[misc]
        yield Bucket(f"http://127.0.0.1:{website}", f"http://127.0.0.1:{api}", place / "changes")
    finally:
        for process in processes:
            process.terminate()
            process.wait(20)
