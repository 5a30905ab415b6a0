"""`larder.toml` as a value: every mistake is refused with its line, and no library's exception escapes."""

import re

import pytest

from store.errors import BadPolicy
from store.policy import ANONYMOUS, AUTHENTICATED, Authority, Doubt, Policy
from store.policy_file import CLOSED, parse_policies

HEAD = "[repositories.default]\n"


def parse(text: str) -> Policy:
    return parse_policies(text.encode()).of("default")


def test_every_line_has_its_default() -> None:
    assert parse("") == parse("# a lone comment\n") == parse("[repositories]\n") == parse(HEAD) == Policy()


def test_every_key_is_read() -> None:
    text = (
        HEAD + 'download = ["authenticated"]\nupload = []\noverwrite = true\nmax_upload = "1.5 MB"\nboards = "open"\n'
    )
    assert parse(text) == Policy(("authenticated",), (), (), True, 1_500_000, "1.5 MB", boards_open=True)


@pytest.mark.parametrize(
    ("size", "found"),
    [("10", 10), ("10 B", 10), ("2 KB", 2000), ("2KiB", 2048), ("0.5 GiB", 1 << 29), ("1 tib", 1 << 40)],
)
def test_sizes_are_read(size: str, found: int) -> None:
    assert parse(f'{HEAD}max_upload = "{size}"').max_upload == found


def test_a_group_is_its_members() -> None:
    text = '[groups]\ncore = ["ann", "b@b.example"]\nnone = []\n' + HEAD + 'upload = ["eve", "@core", "ann", "@none"]'
    assert parse(text).upload == ("eve", "ann", "b@b.example")


def test_who_is_named_is_known_with_the_line() -> None:
    text = (
        HEAD + '# "ann"\ndownload = ["authenticated"]\nupload = [\n  "ann",\n  "@core",\n]\n[groups]\ncore = [\'bob\']'
    )
    assert parse_policies(text.encode()).users == {"ann": 5, "bob": 9}
    assert parse_policies(text.encode()).doubts == ()


def test_thousands_of_users_are_read_without_ado() -> None:
    names = [f"user-{number}" for number in range(20_000)]
    policies = parse_policies(f"{HEAD}upload = {names}".encode())
    assert policies.of("default").upload == tuple(names)
    assert set(policies.users.values()) == {2}


def test_a_group_that_there_is_not_gives_nobody_a_right_and_is_said() -> None:
    text = "[groups]\ncore = []\n" + HEAD + 'upload = ["@cor"]\ndownload = ["@cor", "anonymous"]'
    policies = parse_policies(text.encode())
    assert (policies.of("default").upload, policies.of("default").download) == ((), ("anonymous",))
    assert policies.doubts == (Doubt(4, "there is no group '@cor'; expected @core"),)
    [doubt] = parse_policies(f'{HEAD}upload = ["@core"]'.encode()).doubts
    assert doubt == Doubt(2, "there is no group '@core'; expected one below [groups]")


def test_a_byte_order_mark_is_taken() -> None:
    assert parse_policies(b"\xef\xbb\xbf" + HEAD.encode() + b"upload = []").of("default").upload == ()


def test_closed_is_a_policy_that_gives_nothing_away() -> None:
    assert parse_policies(CLOSED).of("default") == Policy(("authenticated",), ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[groups]\n" + ".".join("a" * 1500) + " = 1", "line 1: maximum recursion depth"),
        ("[groups]\na = 0x" + "f" * 5000, "line 1: Exceeds the limit"),
        (HEAD + "upload = 0x" + "f" * 5000, "line 1: Exceeds the limit"),
        ("groups = 1", "line 1: 'groups' is no table; expected [groups]"),
        (HEAD + "max_upload = " + "9" * 5000, "line 1: Exceeds the limit"),
        (HEAD + "overwrite = ", "line 2: "),
        (HEAD + "upload = [\n", "expected TOML"),
        (HEAD + HEAD, "line 2: "),
        (HEAD + "upload = []\nupload = []", "line 3: "),
        ("[repositories.Team]\nupload = []", "line 1: 'Team' is no name of a repository; expected up to 64 lower-case"),
        ('[repositories."../x"]\nupload = []', "line 1: '../x' is no name of a repository; expected"),
        ("[repositories]\nteam = 1", "line 2: 'team' is no table; expected [repositories.team]"),
        ("[repository.default]", "line 1: 'repository' is no key; expected audit, metrics, [groups], [authenticati"),
        (
            "[groups]\ncore = ['ann']\ndownload = ['authenticated']",
            "line 3: 'download' is no name of a group; expected",
        ),
        (
            "[groups]\nupload = ['ann']",
            "line 2: 'upload' is no name of a group; expected it below [repositories.default]",
        ),
        ("upload = []", "line 1: 'upload' is no key"),
        ("authentication = 'x'", "line 1: 'authentication' is no table; expected [authentication]"),
        ("# one\nrepositories = 1", "line 2: 'repositories' is no table"),
        ("repositories.default = 1", "line 1: 'default' is no table"),
        ("x = " + "[" * 5000, "line 1: "),
        ("a" * 5000, "line "),
        ("[repositories.default", "line 1: "),
        ('"' + "k" * 5000 + '" = 1', "line 1: "),
    ],
)
def test_a_mistake_is_refused_in_one_line_that_says_where_and_what(text: str, reason: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        parse(text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + 'download = ["ann:x"]', "line 2: download = ['ann:x']; expected a list of user names"),
        (HEAD + 'download = [""]', "line 2: download = ['']; expected a list of user names"),
        (HEAD + 'download = ["@"]', "line 2: download = ['@']; expected a list of user names"),
        (HEAD + 'upload = ["@@core"]', "line 2: upload = ['@@core']; expected a list of user names"),
        (HEAD + 'upload = ["@anonymous"]', "line 2: upload = ['@anonymous']; expected a list of user names"),
        ("[groups]\ncore = 'ann'", "line 2: 'core' = 'ann'; expected a list of user names"),
        ("[groups]\ncore = ['anonymous']", "line 2: 'core' = ['anonymous']; expected a list of user names"),
        ("[groups]\ncore = ['@others']", "line 2: 'core' = ['@others']; expected a list of user names"),
        ("[groups.core]\nx = ['ann']", "line 1: 'core' = {'x': ['ann']}; expected a list of user names"),
        (HEAD + 'download = "anonymous"', "line 2: download = 'anonymous'; expected a list"),
        (HEAD + "download = [1]", "line 2: download = [1]; expected a list"),
        (HEAD + 'download = [["anonymous"]]', "line 2: download = [['anonymous']]; expected a list"),
        (HEAD + "upload = {}", "line 2: upload = {}; expected a list"),
        (HEAD + "upload = 1", "line 2: upload = 1; expected a list"),
        (HEAD + "overwrite = 1", "line 2: overwrite = 1; expected true or false"),
        (HEAD + 'overwrite = "yes"', "line 2: overwrite = 'yes'; expected true or false"),
        (HEAD + "max_upload = 5", "line 2: max_upload = 5; expected a size"),
        (HEAD + 'max_upload = "much"', "line 2: max_upload = 'much'; expected a size"),
        (HEAD + 'max_upload = "5 XB"', "line 2: max_upload = '5 XB'; expected a size"),
        (HEAD + 'max_upload = "-1 MB"', "line 2: max_upload = '-1 MB'; expected a size"),
        (HEAD + "boards = true", 'line 2: boards = True; expected "open" or "closed"'),
        (HEAD + "boards = ['open']", 'line 2: boards = [\'open\']; expected "open" or "closed"'),
        (HEAD + f'max_upload = "{"9" * 500} GB"', "expected at most"),
        (HEAD + "upload = []\n[repositories.team]\nupload = 1", "line 4: upload = 1; expected a list"),
    ],
)
def test_a_value_that_cannot_be_is_said_with_its_line_and_gives_nothing(text: str, reason: str) -> None:
    policies = parse_policies(text.encode())
    [mistake] = policies.mistakes
    assert reason in str(mistake)
    assert len(str(mistake)) < 500
    for name in ("default", "team"):
        policy, key = policies.of(name), re.search(r"(download|upload|overwrite|max_upload) = ", reason)
        if key and not (key[1] == "upload" and name != "team" and "team" in text):
            assert not getattr(policy, key[1])
        assert not policy.boards_open


def test_a_key_that_there_is_not_closes_its_table_and_no_other() -> None:
    """It may have been meant to close what by default is open."""
    team = '[repositories.team]\nupload = ["ann"]\nboards = "open"\ndownlaod = ["bob"]\n'
    policies = parse_policies(f'{HEAD}download = ["ann"]\n{team}[repositories.x]\n'.encode())
    keys = "download, upload, delete, overwrite, max_upload, boards, upstream, fallback, private, upstream_hosts"
    expected = f"{keys}, upstream_cache; nobody may do anything in 'team'"
    assert policies.mistakes == (Doubt(6, f"'downlaod' is no key; expected {expected}"),)
    assert policies.of("team") == Policy((), (), ())
    assert policies.of("default") == policies.of("x") == policies.of("other") == Policy(("ann",))


def test_what_closes_the_default_repository_closes_what_is_as_it_is() -> None:
    policies = parse_policies(b'repositories.default.nothing = 1\n[repositories.team]\nupload = ["ann"]')
    assert policies.of("default") == policies.of("other") == Policy((), (), ())
    assert policies.of("team") == Policy((), ("ann",), ())
    assert [mistake.line for mistake in policies.mistakes] == [1]


def test_nobody_is_asked_by_a_key_that_there_is_not() -> None:
    for beside in ("", "url = 'http://users.example'\n"):
        policies = parse_policies(f"[authentication]\nldap = 'x'\n{beside}".encode())
        assert policies.of("default").authority is None
        assert str(policies.mistakes[0]) == "line 2: 'ldap' is no key; expected command or url"


def test_one_value_that_cannot_be_takes_nothing_else_with_it() -> None:
    policies = parse_policies(b"""
[groups]
devs = ["ann", 5, "bob"]
broken = "carl"
[repositories.default]
download = ["@devs", "no:name", "dave", "@broken"]
upload = "everybody"
overwrite = 1
[repositories.team]
upload = ["@devs"]
max_upload = "much"
""")
    assert policies.of("default") == Policy(("ann", "bob", "dave"), (), (), False)
    assert policies.of("team") == Policy(("ann", "bob", "dave"), ("ann", "bob"), (), False, 0, "'much'")
    assert [mistake.line for mistake in policies.mistakes] == [3, 4, 6, 7, 8, 11]
    assert ANONYMOUS not in policies.of("default").download


@pytest.mark.parametrize(
    ("line", "authority"),
    [
        ('command = ["/usr/bin/who", "--is", "it"]', Authority(command=("/usr/bin/who", "--is", "it"))),
        (
            'url = "https://users.example:8443/check?for=larder"',
            Authority(url="https://users.example:8443/check?for=larder"),
        ),
        ("# command = []", None),
    ],
)
def test_who_else_is_asked_about_users_is_read_for_every_repository(line: str, authority: Authority | None) -> None:
    policies = parse_policies(f"[authentication]\n{line}\n[repositories.team]\nupload = []".encode())
    assert policies.mistakes == ()
    assert policies.of("default").authority == policies.of("team").authority == policies.of("x").authority == authority


@pytest.mark.parametrize(
    "line",
    [
        "command = []",
        "command = 'who'",
        "command = ['who']",
        "command = ['/usr/bin/who', 5]",
        'command = ["/usr/bin/who", "\\u0000"]',
        "url = 5",
        "url = 'users.example'",
        "url = 'file:///etc/passwd'",
        "url = 'http://ann:secret@users.example/'",
        "url = 'http://users.example/ /'",
    ],
)
def test_nobody_else_is_asked_where_it_cannot_be_told_who(line: str) -> None:
    policies = parse_policies(f"[authentication]\n{line}\n".encode())
    assert policies.of("default") == Policy()
    [mistake] = policies.mistakes
    assert str(mistake).startswith(f"line 2: {line.partition(' ')[0]} = ")


def test_of_two_that_could_be_asked_neither_is() -> None:
    policies = parse_policies(b"[authentication]\ncommand = ['/bin/who']\nurl = 'http://users.example'\n")
    assert policies.of("default").authority is None
    assert [mistake.line for mistake in policies.mistakes] == [2, 3]


def test_groups_that_only_an_authority_can_know_of_are_kept_and_doubted_no_more() -> None:
    rights = '[groups]\ncore = ["ann"]\n[repositories.default]\nupload = ["@core", "@staff", "eve"]\n'
    policies = parse_policies(f"{rights}[authentication]\nurl = 'http://users.example'\n".encode())
    assert policies.of("default").upload == ("@core", "ann", "@staff", "eve")
    assert (policies.users, policies.doubts) == ({}, ())


@pytest.mark.parametrize("content", [b"\xff", b"a = '\xc3'", b"\x00", HEAD.encode("utf-16")])
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    with pytest.raises(BadPolicy, match=r"^line 1: "):
        parse_policies(content)


def test_what_a_table_leaves_out_and_who_has_none_is_as_the_default_repository_has_it() -> None:
    policies = parse_policies(b"""
[groups]
devs = ["ann"]
[repositories.team]
download = ["@devs"]
[repositories.default]
download = ["authenticated"]
overwrite = true
""")
    default = Policy(download=(AUTHENTICATED,), overwrite=True)
    assert policies.of("default") == policies.of("no-table") == default
    assert policies.of("team") == Policy(download=("ann",), overwrite=True)
    assert policies.users == {"ann": 3}


def test_what_opens_the_default_repository_to_boards_opens_no_other() -> None:
    text = HEAD + 'boards = "open"\n[repositories.team]\nupload = []\n[repositories.x]\nboards = "open"\n'
    policies = parse_policies(text.encode())
    names = ("default", "team", "x", "other")
    assert [policies.of(name).boards_open for name in names] == [True, False, True, False]


def test_a_repository_by_another_name_has_the_defaults_where_nothing_is_said() -> None:
    assert parse_policies(b"").of("team") == Policy()


def test_a_store_has_a_table_of_its_own_and_else_the_rules_of_the_default_repository() -> None:
    text = f'{HEAD}download = ["ann"]\nboards = "open"\n[files.data]\noverwrite = true\nmax_upload = "1 GB"\n'
    policies = parse_policies(text.encode())
    assert policies.of("files+data") == Policy(("ann",), overwrite=True, max_upload=10**9, max_upload_text="1 GB")
    assert policies.of("files+other") == Policy(("ann",))
    assert policies.of("data") == Policy(("ann",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("files = 1", "line 1: 'files' is no table; expected [files.NAME]"),
        ("[files]\nx = 1", "line 2: 'x' is no table; expected [files.x]"),
        ("[files.Data]", "line 1: 'Data' is no name of a file store; expected up to 64 lower-case letters"),
    ],
)
def test_a_table_that_is_none_of_a_store_is_refused(text: str, expected: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        parse_policies(text.encode())
    assert expected in str(caught.value)


def test_a_key_that_no_store_has_closes_it() -> None:
    policies = parse_policies(b'[files.data]\nupload = ["ann"]\nboards = "open"\n')
    assert (policies.of("files+data").download, policies.of("files+data").upload) == ((), ())
    [mistake] = policies.mistakes
    assert "line 3: 'boards' is no key; expected download, upload, delete, overwrite, max_upload" in str(mistake)
