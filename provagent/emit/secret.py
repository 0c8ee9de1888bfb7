"""What a secret is: names that tell it, credentials inside URLs and command lines."""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "***"

# At the end of a word (PGPASSWORD, api_key_2); author, tokenizer and keyword have none.
_SECRET_WORDS = re.compile(
    r"""
    ( passwords? | passwd | passphrase | secrets? | credentials? | token
    | api_?key | (access|private|encryption|signing)_?key ) \d* (_|$)
    | auth (orization)? \d* $
    """,
    re.VERBOSE,
)
_WORD_IN_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")


@lru_cache(maxsize=4096)
def is_secret(name: object) -> bool:
    """Tell whether a value of this name (``db_password``, ``apiKey``) is a secret."""
    if not isinstance(name, str):
        return False
    words = _SEPARATORS.sub("_", _WORD_IN_CAMEL_CASE.sub("_", name))
    return _SECRET_WORDS.search(words.lower()) is not None


# user:password@ before a host. A password may hold an @ and, against the rules, a slash;
# a port is none; 256 bounds the search in a long text.
_PASSWORD = re.compile(
    r"(://[^\s/?#:@\[]*:)(?!\d+(?:[/?#]|$))(?:[^\s/?#]*|[^\s@]{0,256})@",
)
_TOKEN_AS_USER = re.compile(r"(https?://)[^\s/?#:@]+@")
_QUERY_ITEM = re.compile(r"([?&;])([^\s?&;#=]+)=[^\s&;#]+")


def mask_urls(text: str) -> str:
    """Return ``text`` with ``***`` for each password, token or key inside a URL."""
    if "@" in text:
        text = _PASSWORD.sub(rf"\1{MASK}@", text)
        text = _TOKEN_AS_USER.sub(rf"\1{MASK}@", text)
    return _QUERY_ITEM.sub(_mask_query_item, text)


def _mask_query_item(item: re.Match[str]) -> str:
    mark, name = item.groups()
    return f"{mark}{name}={MASK}" if is_secret(name) else item.group()


_ASSIGNMENT = re.compile(r"(-{0,2}[A-Za-z][\w.-]*)=.+", re.DOTALL)


def mask_word(word: str, previous: object) -> str:
    """Return a word of a command, ``***`` for what is secret: ``--token=x``, ``--token x``."""
    if not word.startswith("--") and _is_secret_option(previous):
        return MASK
    assignment = _ASSIGNMENT.fullmatch(word) if "=" in word else None
    return f"{assignment[1]}={MASK}" if assignment and is_secret(assignment[1]) else word


def _is_secret_option(word: object) -> bool:
    return isinstance(word, str) and word.startswith("-") and "=" not in word and is_secret(word)
