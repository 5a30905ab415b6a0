"""Figures for Prometheus: right, and only for whom larder.toml lets see them."""

from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.archives import make_wheel
from tests.running import PASSWORD, USER, Larder, basic, wait_until

AUTH = basic(USER, PASSWORD)


def read(larder: Larder) -> dict[tuple[str, str, str], float]:
    """By name, repository, and what else it is of."""
    answer = larder.get("/metrics")
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    return {
        (sample.name, sample.labels.pop("repository", ""), ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def answers(larder: Larder, status: int) -> bool:
    return larder.get("/metrics").status == status


def test_what_happens_is_counted(larder: Larder, tmp_path: Path) -> None:
    before = read(larder)
    assert before["larder_files", "default", ""] == 0
    wheel = make_wheel(tmp_path, "demo", "1.0")
    assert larder.upload(wheel, "/", AUTH).status == 200
    assert larder.upload(wheel, "/", AUTH).status == 200
    assert larder.upload(wheel, "/", {}).status == 401
    assert larder.upload(make_wheel(tmp_path / "other", "demo", "1.0", {"x.py": b"1"}), "/", AUTH).status == 409
    (larder.packages / "notes.txt").write_text("x")
    wait_until(lambda: read(larder)["larder_rejected", "default", ""] == 1)
    found = read(larder)
    outcomes = {outcome: count for (name, _, outcome), count in found.items() if name == "larder_uploads_total"}
    assert outcomes == {"new": 1, "same": 1, "401": 1, "409": 1}
    assert found["larder_uploaded_bytes_total", "default", ""] == 2 * wheel.stat().st_size
    assert found["larder_upload_seconds_count", "default", ""] == 2
    assert found["larder_upload_seconds_bucket", "default", "+Inf"] == 2
    assert found["larder_upload_seconds_sum", "default", ""] > 0
    assert found["larder_files", "default", ""] == found["larder_projects", "default", ""] == 1
    assert found["larder_bytes", "default", ""] == (larder.packages / wheel.name).stat().st_size
    assert found["larder_queue", "default", ""] == 0
    assert found["larder_free_bytes", "default", ""] > 0
    assert 0 <= found["larder_heartbeat_age_seconds", "", ""] < 15
    assert found["larder_nginx_connections", "", "active"] >= 1
    assert found["larder_nginx_accepted_total", "", ""] >= found["larder_nginx_handled_total", "", ""] >= 1
    assert read(larder)["larder_nginx_requests_total", "", ""] > found["larder_nginx_requests_total", "", ""] > 10


def test_who_may_see_them_is_said_in_the_policy(larder: Larder) -> None:
    for networks, status in (('["192.0.2.0/24"]', 403), ("[]", 403), ('["127.0.0.1"]', 200), ('["0.0.0.0/0"]', 200)):
        larder.rule(f"metrics = {networks}\n[repositories.default]\ndownload = []\n")
        wait_until(partial(answers, larder, status))


def test_who_comes_by_a_proxy_of_this_machine_is_not_taken_for_it(larder: Larder) -> None:
    for header in ("X_Forwarded_For", "x_forwarded_proto", "Forwarded", "X_Real_IP", "Via"):
        assert larder.get("/metrics", **{header: "192.0.2.7"}).status == 403
    larder.rule('metrics = ["127.0.0.1"]\n')
    wait_until(lambda: larder.get("/metrics", X_Forwarded_For="192.0.2.7").status == 200)


@pytest.mark.parametrize("value", ['"127.0.0.1"', '["localhost"]', "[1]", '["10.0.0.1/8"]', "true"])
def test_what_is_no_address_lets_nobody_see_them(larder: Larder, value: str) -> None:
    larder.rule(f"metrics = {value}\n")
    wait_until(lambda: larder.get("/metrics").status == 403)
    wait_until(lambda: "a value or key that cannot be" in larder.get("/health").text)
