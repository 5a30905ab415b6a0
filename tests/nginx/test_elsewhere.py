"""Users from a directory service: the recipe of the README, word for word, against a real slapd."""

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.running import HERE, PASSWORD, USER, Larder, basic, free_port, wait_until

SUFFIX = "dc=example"
CONFIGURATION = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/slapd.pid
database mdb
suffix {suffix}
rootdn cn=admin,{suffix}
rootpw secret
directory {directory}
access to attrs=userPassword by anonymous auth
access to * by users read
"""
ENTRIES = """dn: dc=example
objectClass: dcObject
objectClass: organization
o: Example

dn: ou=people,dc=example
objectClass: organizationalUnit

dn: ou=groups,dc=example
objectClass: organizationalUnit

dn: uid=lea,ou=people,dc=example
objectClass: account
objectClass: simpleSecurityObject
userPassword: pa ss\u00b7w\u00f6rd

dn: uid=rob,ou=people,dc=example
objectClass: account
objectClass: simpleSecurityObject
userPassword: x

dn: cn=staff,ou=groups,dc=example
objectClass: posixGroup
gidNumber: 1
memberUid: lea
"""
LEA, ROB = basic("lea", "pa ss\u00b7w\u00f6rd"), basic("rob", "x")
POLICY = """[repositories.default]
download = ["authenticated"]
upload = ["@staff"]
[authentication]
command = ["{command}"]
"""


class Slapd:
    """A directory server with two users and a group, on a port of loopback."""

    def __init__(self, directory: Path) -> None:
        self._port = free_port()
        self.address = f"ldap://127.0.0.1:{self._port}"
        self._configuration = directory / "slapd.conf"
        self._configuration.write_text(CONFIGURATION.format(directory=directory, suffix=SUFFIX))
        subprocess.run(["slapadd", "-f", self._configuration], input=ENTRIES, text=True, check=True)

    def start(self) -> None:
        self._process = subprocess.Popen(["slapd", "-d", "0", "-f", self._configuration, "-h", self.address])
        wait_until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self._port)) == 0

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    found = Slapd(tmp_path_factory.mktemp("slapd"))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def larder(slapd: Slapd, larder: Larder, tmp_path: Path) -> Larder:
    [recipe] = re.findall(r"```sh\n(#!/bin/sh\n.*ldapsearch.*?)```", (HERE / "README.md").read_text(), re.DOTALL)
    assert "ldaps://ldap.example" in recipe
    command = tmp_path / "ask-ldap"
    command.write_text(recipe.replace("ldaps://ldap.example", slapd.address))
    command.chmod(0o755)
    larder.rule(POLICY.format(command=command))
    return larder


def read(larder: Larder, login: dict[str, str]) -> int:
    return larder.get("/simple/", **login).status


def test_users_and_groups_of_a_directory_service_have_their_rights(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "new", "demo", "1.0")
    assert [read(larder, login) for login in (LEA, ROB)] == [200, 200]
    assert [larder.upload(wheel, "/", login).status for login in (ROB, LEA)] == [403, 200]
    wrong = [basic("lea", "x"), basic("lea", ""), basic("nobody", "x"), basic("*", "x"), basic("lea,dc=x", "x"), {}]
    assert {read(larder, login) for login in wrong} == {401}


def test_while_the_directory_service_is_gone_others_go_on(larder: Larder, slapd: Slapd) -> None:
    assert read(larder, LEA) == 200
    slapd.stop()
    try:
        assert [read(larder, login) for login in (LEA, ROB)] == [200, 503]  # the first one was let in before
        assert read(larder, basic(USER, PASSWORD)) == 200
        assert "users from elsewhere cannot be checked" in larder.get("/health").text
    finally:
        slapd.start()
    assert read(larder, ROB) == 200
