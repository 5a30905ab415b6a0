"""A stand-in of GitHub: what the real `gh` asks of its API about releases, and their files for everybody."""

import itertools
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

REPOSITORY = "acme/demo"
TOKEN = "token-of-a-workflow"
WHEN = "2024-01-02T03:04:05Z"
PER_PAGE = 2  # as if there were hundreds of releases
_API = f"/api/v3/repos/{REPOSITORY}/releases"
_UPLOADS = f"/api/uploads/repos/{REPOSITORY}/releases"
_OF_GITHUB = re.compile(r"[^A-Za-z0-9._+@-]+")


class Call(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    authorization: str
    body: bytes


class Reply(NamedTuple):
    status: int
    body: Any = None  # bytes, or what is sent as JSON
    link: str = ""


@dataclass
class Asset:
    number: int
    name: str
    content: bytes


@dataclass
class Release:
    number: int
    tag: str
    draft: bool = False
    prerelease: bool = False
    assets: list[Asset] = field(default_factory=list)

    def contents(self) -> dict[str, bytes]:
        return {asset.name: asset.content for asset in self.assets}


class GitHub:
    """One repository. `failing` has parts of paths that are answered with a status of their own."""

    def __init__(self, url: str, certificate: Path) -> None:
        self.url, self.certificate = url, certificate
        self.tags = {"v1.0"}
        self.releases: list[Release] = []
        self.calls: list[Call] = []
        self.failing: dict[str, int] = {}
        self.meanwhile: Callable[[], object] = lambda: None  # done once all releases were told
        self._numbers = itertools.count(1)
        self._busy = threading.Lock()

    def environment(self, home: Path, token: str = TOKEN) -> dict[str, str]:
        """What leads gh here, as a workflow's environment leads it to the real one."""
        host = urlsplit(self.url).netloc
        return {
            "GH_HOST": host,
            "GH_REPO": f"{host}/{REPOSITORY}",
            "GH_ENTERPRISE_TOKEN": token,
            "GH_CONFIG_DIR": str(home / "gh"),
            "GH_PROMPT_DISABLED": "1",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "SSL_CERT_FILE": str(self.certificate),
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_REPOSITORY": REPOSITORY,
        }

    def released(self) -> dict[str, dict[str, bytes]]:
        """Tag → name → content, of what everybody can see."""
        return {release.tag: release.contents() for release in self.releases if not release.draft}

    def add(self, tag: str, *files: Path, draft: bool = False) -> Release:
        """As a person does it."""
        release = Release(next(self._numbers), tag, draft)
        release.assets = [Asset(next(self._numbers), file.name, file.read_bytes()) for file in files]
        self.releases.append(release)
        return release

    def changes(self) -> list[str]:
        """All calls that are not there to learn something."""
        asked = [call for call in self.calls if call.method not in ("GET", "HEAD") and call.path != "/api/graphql"]
        return [f"{call.method} {call.path}" for call in asked]

    def answer(self, call: Call) -> Reply:
        with self._busy:
            self.calls.append(call)
            failing = [status for part, status in self.failing.items() if part in f"{call.method} {call.path}"]
            if failing:
                return Reply(failing[0], {"message": "as a test wants it"})
            if not call.path.startswith("/api/"):
                return self._download(call.path)
            if call.authorization not in (f"token {TOKEN}", f"Bearer {TOKEN}"):
                return Reply(401, {"message": "Bad credentials"})
            return self._of_api(call)

    def _of_api(self, call: Call) -> Reply:
        if call.path == "/api/graphql":
            return self._of_graphql(json.loads(call.body))
        below = call.path.removeprefix(_API).removeprefix(_UPLOADS).strip("/").split("/")
        return self._of_releases(call, below) or self._of_assets(call, below) or Reply(404, {"message": "Not Found"})

    def _of_releases(self, call: Call, below: list[str]) -> Reply | None:
        match call.method, below:
            case "GET", [""]:
                return self._list(call)
            case "POST", [""]:
                return self._create(json.loads(call.body))
            case "GET" | "HEAD", ["tags", *tag]:
                found = [each for each in self.releases if not each.draft and each.tag == "/".join(tag)]
                return Reply(200, self._describe(found[0])) if found else None
            case "PATCH", [number]:
                return self._publish(int(number), json.loads(call.body))
        return None

    def _of_assets(self, call: Call, below: list[str]) -> Reply | None:
        match call.method, below:
            case "GET", ["assets", number]:
                return self._read(int(number))
            case "DELETE", ["assets", number]:
                return self._remove(int(number))
            case "POST", [number, "assets"]:
                return self._attach(int(number), call)
        return None

    def _list(self, call: Call) -> Reply:
        page = int(call.query.get("page", 1))
        shown = self.releases[::-1][(page - 1) * PER_PAGE : page * PER_PAGE]
        more = page * PER_PAGE < len(self.releases)
        link = f'<{self.url}{_API}?per_page=100&page={page + 1}>; rel="next"' if more else ""
        described = [self._describe(release) for release in shown]
        if not more:
            self.meanwhile()
        return Reply(200, described, link)

    def _create(self, asked: dict[str, Any]) -> Reply:
        draft, prerelease = bool(asked.get("draft")), bool(asked.get("prerelease"))
        release = Release(next(self._numbers), asked["tag_name"], draft, prerelease)
        self.releases.append(release)
        return Reply(201, self._describe(release))

    def _publish(self, number: int, asked: dict[str, Any]) -> Reply:
        [release] = [release for release in self.releases if release.number == number]
        release.draft = asked.get("draft", release.draft)
        return Reply(200, self._describe(release))

    def _attach(self, number: int, call: Call) -> Reply:
        [release] = [release for release in self.releases if release.number == number]
        name = _OF_GITHUB.sub(".", call.query["name"])
        if name in release.contents():
            return Reply(422, {"message": "Validation Failed", "errors": [{"code": "already_exists", "field": "name"}]})
        release.assets.append(Asset(next(self._numbers), name, call.body))
        return Reply(201, self._describe(release)["assets"][-1])

    def _read(self, number: int) -> Reply:
        [found] = [asset for release in self.releases for asset in release.assets if asset.number == number]
        return Reply(200, found.content)

    def _remove(self, number: int) -> Reply:
        for release in self.releases:
            release.assets = [asset for asset in release.assets if asset.number != number]
        return Reply(204, b"")

    def _download(self, path: str) -> Reply:
        tag, _, name = path.removeprefix(f"/{REPOSITORY}/releases/download/").rpartition("/")
        content = self.released().get(tag, {}).get(name)
        return Reply(404, b"") if content is None else Reply(200, content)

    def _of_graphql(self, asked: dict[str, Any]) -> Reply:
        """Is there such a tag, and is there a draft of it?"""
        tag = asked["variables"]["tagName"].removeprefix("refs/tags/")
        drafts = [release for release in self.releases if release.tag == tag and release.draft]
        known = {
            "ref": {"id": "REF"} if tag in self.tags else None,
            "release": {"databaseId": drafts[0].number, "isDraft": True} if drafts else None,
        }
        wanted = {key: value for key, value in known.items() if re.search(rf"\b{key}\b", asked["query"])}
        return Reply(200, {"data": {"repository": wanted}})

    def _describe(self, release: Release) -> dict[str, Any]:
        here = f"{self.url}{_API}"
        assets = [
            {
                "id": asset.number,
                "name": asset.name,
                "state": "uploaded",
                "size": len(asset.content),
                "created_at": WHEN,
                "url": f"{here}/assets/{asset.number}",
            }
            for asset in release.assets
        ]
        return {
            "id": release.number,
            "tag_name": release.tag,
            "draft": release.draft,
            "prerelease": release.prerelease,
            "created_at": WHEN,
            "published_at": None if release.draft else WHEN,
            "url": f"{here}/{release.number}",
            "html_url": f"{self.url}/{REPOSITORY}/releases/tag/{release.tag}",
            "upload_url": f"{self.url}{_UPLOADS}/{release.number}/assets{{?name,label}}",
            "assets": assets,
        }
