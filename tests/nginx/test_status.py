"""The status of a project, from the file that a person drops to what each client is told (PEP 792)."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.archives import make_sdist, make_wheel
from tests.running import JSON, PASSWORD, USER, Larder, basic, wait_until

AUTH = basic(USER, PASSWORD)


def say(larder: Larder, project: str, text: str) -> None:
    """Drop the file, and wait until the page says so."""
    (larder.packages / f"{project}.status").write_text(text)
    marker = text.split(maxsplit=1)[0].rstrip(":")
    wait_until(lambda: page(larder, project).get("project-status", {}).get("status") == marker)


def page(larder: Larder, project: str) -> dict[str, Any]:
    return dict(larder.get(f"/simple/{project}/", Accept=JSON).json())


@pytest.fixture
def project(shared_larder: Larder, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    name = re.sub("[^a-z]+", "-", request.node.name.lower()).strip("-")
    for file in (make_wheel(tmp_path, name, "1.0"), make_sdist(tmp_path, name, "1.0")):
        assert shared_larder.upload(file, "/", AUTH).status == 200
    return name


@pytest.mark.parametrize("marker", ["active", "archived", "deprecated"])
def test_a_status_is_on_both_pages_and_takes_no_file_away(shared_larder: Larder, project: str, marker: str) -> None:
    before = page(shared_larder, project)
    assert ("project-status" in before, before["meta"]) == (False, {"api-version": "1.1"})
    say(shared_larder, project, f'{marker}: use <other> & "that"')
    found = page(shared_larder, project)
    assert found["project-status"] == {"status": marker, "reason": 'use <other> & "that"'}
    assert (found["meta"], found["files"]) == ({"api-version": "1.4"}, before["files"])
    html = shared_larder.get(f"/simple/{project}/").text
    assert f'<meta name="pypi:project-status" content="{marker}">' in html
    assert '<meta name="pypi:project-status-reason" content="use &lt;other&gt; &amp; &quot;that&quot;">' in html
    assert html.count("<a ") == 2
    (shared_larder.packages / f"{project}.status").unlink()
    wait_until(lambda: page(shared_larder, project) == before)


def test_a_quarantined_project_offers_no_files(shared_larder: Larder, project: str) -> None:
    say(shared_larder, project, "quarantined: it phones home")
    found = page(shared_larder, project)
    assert (found["files"], found["versions"]) == ([], ["1.0"])
    assert "<a " not in shared_larder.get(f"/simple/{project}/").text
    wait_until(lambda: shared_larder.get(f"/{project}/json").status == 404)
    wait_until(lambda: "it phones home" in shared_larder.get(f"/project/{project}/").text)
    assert "/packages/" not in shared_larder.get(f"/project/{project}/").text
    for path in ("/", "/-/projects/", f"/search?q={project}"):
        wait_until(lambda path=path: '<span class="status">quarantined</span>' in shared_larder.get(path).text)  # type: ignore[misc]
    found = shared_larder.get(f"/search?q={project}", Accept="application/json").json()
    assert {"quarantined"} == {each.get("status") for each in found["projects"] if each["name"] == project}
    wait_until(lambda: shared_larder.get(f"/pypi/{project}/json").json()["urls"] == [])


@pytest.mark.parametrize(("marker", "status"), [("archived", 403), ("quarantined", 403), ("deprecated", 200)])
def test_what_is_closed_takes_nothing_new(
    shared_larder: Larder, project: str, tmp_path: Path, marker: str, status: int
) -> None:
    say(shared_larder, project, f"{marker} for good")
    stored = sorted(shared_larder.packages.iterdir())
    answer = shared_larder.upload(make_wheel(tmp_path, project, "2.0"), "/", AUTH)
    assert answer.status == status
    if status == 403:
        assert answer.reason == f"{project} is {marker} and takes no uploads: for good"
        assert sorted(shared_larder.packages.iterdir()) == stored
    assert shared_larder.upload(tmp_path / f"{project.replace('-', '_')}-1.0-py3-none-any.whl", "/", AUTH).status == 200


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("{}.status", "archvied", "no status of a project; expected active"),
        ("Odd_Name.status", "archived", "expected in odd-name.status"),
        ("sub/{}.status", "archived", "in no directory"),
        ("nobody-has.status", "archived", "there is no project"),
    ],
)
def test_what_is_no_status_is_said_and_changes_nothing(
    shared_larder: Larder, project: str, name: str, text: str, reason: str
) -> None:
    file = shared_larder.packages / name.format(project)
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    wait_until(lambda: reason in shared_larder.get("/").text)
    assert "project-status" not in page(shared_larder, project)
    assert shared_larder.get(f"/packages/{name.format(project)}").status == 404
    file.unlink()
    wait_until(lambda: reason not in shared_larder.get("/").text)
