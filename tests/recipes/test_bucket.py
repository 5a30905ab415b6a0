"""A bucket by the real rclone: what readers find in it, also in the middle of an update."""

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.clients.test_install import Pip
from tests.exported import export
from tests.recipes.bucket import BUCKET, Bucket, running_bucket
from tests.recipes.running import RECIPES, run
from tests.recipes.states import missing, read_copy


@pytest.fixture(scope="module")
def whole_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    place = tmp_path_factory.mktemp("bucket")
    with running_bucket(place) as found:
        made = rclone(found, place, "mkdir", f"larder:{BUCKET}")
        assert made.returncode == 0, made.stdout
        yield found


@pytest.fixture
def bucket(whole_bucket: Bucket, tmp_path: Path) -> Bucket:
    return dataclasses.replace(whole_bucket, prefix=tmp_path.name)


def rclone(bucket: Bucket, place: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    return run(["rclone", *command], place / "home", bucket.environment())


def bring(bucket: Bucket, place: Path) -> "subprocess.CompletedProcess[str]":
    """What is in data/ now to the bucket."""
    export(place / "data", place / "public", "--base-url", bucket.website)
    bucket.take_changes()
    return run([RECIPES / "bucket", place / "public", bucket.remote], place / "home", bucket.environment())


def read_website(bucket: Bucket, place: Path, path: str) -> str:
    """Head and body, as curl shows them."""
    done = run(["curl", "-sSi", f"{bucket.website}/{path}"], place / "home", {"no_proxy": "127.0.0.1"})
    return done.stdout


def test_pip_installs_from_a_bucket_and_nothing_is_sent_twice(bucket: Bucket, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "data/packages", "upper-thing", "1.0+local.1", Requires_Dist="base-thing")
    make_wheel(tmp_path / "data/packages/deep", "base-thing", "1.0", {"noise": os.urandom(3 << 20)})
    done = bring(bucket, tmp_path)
    assert done.returncode == 0, done.stdout
    pip = Pip(tmp_path / "home")
    code, said = pip(
        "install", "-v", "--target", tmp_path / "site", "--index-url", f"{bucket.website}/simple/", "upper-thing"
    )
    assert code == 0, said
    assert {path.name for path in (tmp_path / "site").glob("*.py")} == {"upper_thing.py", "base_thing.py"}
    assert f"{wheel.name}.metadata" in said.replace("%2B", "+")
    assert "Content-Type: application/json" in read_website(bucket, tmp_path, "pypi/base-thing/json")
    assert "Content-Type: text/html" in read_website(bucket, tmp_path, "simple/")
    assert "404" in read_website(bucket, tmp_path, ".larder-export").splitlines()[0]
    assert bucket.take_changes()
    assert bring(bucket, tmp_path).returncode == 0
    assert bucket.take_changes() == []


def test_at_no_moment_of_an_update_does_a_page_name_what_is_missing(bucket: Bucket, tmp_path: Path) -> None:
    packages = tmp_path / "data/packages"
    for name in "abcdefgh":
        make_wheel(packages, f"project-{name}", "1.0")
    assert bring(bucket, tmp_path).returncode == 0
    old = read_copy(tmp_path / "public")
    for name in "abcdefgh":
        (packages / f"project_{name}-1.0-py3-none-any.whl").unlink()
    for name in "abcdefgxyz":
        make_wheel(packages, f"project-{name}", "2.0")
    done = bring(bucket, tmp_path)
    assert done.returncode == 0, done.stdout
    new, state = read_copy(tmp_path / "public"), dict(old)
    for method, path in bucket.take_changes():
        if method == "PUT":
            state[path] = new[path]
        else:
            del state[path]
        assert missing(state, state) == [], (method, path)
    assert state == new
    listed = rclone(bucket, tmp_path, "lsf", "-R", "--files-only", bucket.remote).stdout.splitlines()
    assert set(listed) == new.keys()
    assert any("project-h" in path for path in old)
    assert not any("project-h" in path or "-1.0-" in path for path in listed)


def test_a_package_with_other_bytes_is_refused_before_any_page_is_changed(bucket: Bucket, tmp_path: Path) -> None:
    packages = tmp_path / "data/packages"
    make_wheel(packages, "demo", "1.0")
    assert bring(bucket, tmp_path).returncode == 0
    make_wheel(packages, "demo", "1.0", {"other.py": b""})
    make_wheel(packages, "demo", "2.0")
    done = bring(bucket, tmp_path)
    assert done.returncode != 0
    assert "immutable" in done.stdout
    changes = bucket.take_changes()
    assert ("PUT", "packages/demo-1.0-py3-none-any.whl") not in changes
    assert all(path.startswith("packages/") for _, path in changes)


def test_what_else_lies_there_stays_and_nothing_but_an_export_is_taken(bucket: Bucket, tmp_path: Path) -> None:
    make_wheel(tmp_path / "data/packages", "demo", "1.0")
    (tmp_path / "CNAME").write_text("mine")
    assert rclone(bucket, tmp_path, "copy", tmp_path / "CNAME", bucket.remote).returncode == 0
    assert bring(bucket, tmp_path).returncode == 0
    before = rclone(bucket, tmp_path, "lsf", "-R", "--files-only", bucket.remote).stdout.splitlines()
    assert {"CNAME", "simple/demo/index.html"} <= set(before)
    (tmp_path / "empty").mkdir()
    for source, remote, said in (
        (tmp_path / "empty", bucket.remote, "expected what scripts/export wrote"),
        (tmp_path / "public", "bucket", "expected REMOTE:BUCKET"),
    ):
        done = run([RECIPES / "bucket", source, remote], tmp_path / "home", bucket.environment())
        assert (done.returncode, said in done.stdout) == (1, True), done.stdout
    assert rclone(bucket, tmp_path, "lsf", "-R", "--files-only", bucket.remote).stdout.splitlines() == before


def test_a_recipe_says_how_it_is_used(tmp_path: Path) -> None:
    for name in ("bucket", "rsync", "metadata", "github-index", "github-release"):
        done = run([RECIPES / name], tmp_path)
        assert (done.returncode, done.stdout.startswith(f"usage: {name} ")) == (2, True), done.stdout
