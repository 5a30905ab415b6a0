"""What was read lately is not kept for longer than it is needed, nor without bound."""

from indexer.texts import MOST, RecentTexts


def test_a_text_is_there_until_it_is_taken() -> None:
    texts = RecentTexts()
    texts.put("digest", b"text")
    texts.put("", b"of what has no digest")
    assert texts.take("digest") == b"text"
    assert texts.take("digest") is None
    assert texts.take("") is None


def test_all_are_forgotten_at_once() -> None:
    texts = RecentTexts()
    texts.put("digest", bytes(MOST))
    texts.forget()
    assert texts.take("digest") is None
    texts.put("other", bytes(MOST))
    assert texts.take("other") == bytes(MOST)


def test_the_oldest_go_when_there_is_too_much() -> None:
    texts, third = RecentTexts(), bytes(MOST // 3)
    for digest in "abcd":
        texts.put(digest, third)
    assert texts.take("a") is None
    assert [texts.take(digest) for digest in "bcd"] == [third] * 3
    texts.put("e", bytes(MOST + 1))
    assert texts.take("e") is None
