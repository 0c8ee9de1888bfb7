"""What a secret is: names that tell it, credentials inside URLs, commands and texts, tokens.

The forms of tokens are those that their issuers document, so that they can be found in
what was published by mistake.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "***"

# At the end of a word (PGPASSWORD, api_key_2); author, tokenizer and keyword have none.
_SECRET_WORDS = re.compile(
    r"""
    ( passwords? | passwd | passphrase | secrets? | credentials? | token
    | api_?key | (access|account|private|shared|encryption|signing)_?key ) \d* (_|$)
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


_SHORTEST_TOKEN = 20  # characters


def may_hold_secret(text: str) -> bool:
    """Tell whether ``mask_text`` may find something; most texts pass by this alone.

    Written out, since it is asked of each text that is recorded: a loop takes twice as
    long, one regular expression five times.
    """
    low = text.lower()
    if (
        "://" in low or "key" in low or "token" in low or "secret" in low or "passw" in low
        or "passphrase" in low or "cred" in low or "auth" in low or "bearer" in low
    ):  # fmt: skip
        return True
    return len(text) >= _SHORTEST_TOKEN and (
        "akia" in low or "asia" in low or "aiza" in low or "eyj" in low or "ya29." in low
        or "ghp_" in low or "gho_" in low or "ghs_" in low or "ghu_" in low or "ghr_" in low
        or "github_pat_" in low or "glpat-" in low or "hf_" in low or "npm_" in low
        or "pypi-" in low or "sk-" in low or "sk_" in low or "rk_" in low or "sg." in low
        or "sq0" in low or "xox" in low or "dop_v1" in low or "shpat_" in low or "shpss_" in low
        or "dckr_pat_" in low or "basic" in low or "private" in low
    )  # fmt: skip


_TOKEN = re.compile(
    r"""
    (?<![A-Za-z0-9])(?:
      (?:AKIA|ASIA)[0-9A-Z]{16}                                  # AWS
    | AIza[\w-]{35} | ya29\.[\w.-]{20,}                          # Google
    | eyJ[\w-]{6,}\.[\w-]{6,}\.?[\w-]*                           # JSON Web Token
    | gh[opsur]_[A-Za-z0-9]{20,} | github_pat_\w{20,}            # GitHub
    | glpat-[\w-]{16,}                                           # GitLab
    | hf_[A-Za-z0-9]{20,} | npm_[A-Za-z0-9]{20,} | pypi-[\w-]{16,} | dckr_pat_[\w-]{16,}
    | (?:sk|rk)[-_](?:live_|test_|ant-|proj-)?[A-Za-z0-9][\w-]{18,}  # Stripe, OpenAI, Anthropic
    | SG\.[\w-]{16,}\.[\w-]{16,} | sq0[a-z]{3}-[\w-]{20,}        # SendGrid, Square
    | xox[abeprs]-[\w-]{10,}                                     # Slack
    | dop_v1_[0-9a-f]{32,} | shp(?:at|ss)_[0-9a-fA-F]{32}         # DigitalOcean, Shopify
    | AGE-SECRET-KEY-1[0-9A-Z]{20,}
    )
    | -----BEGIN[ A-Z]*PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]*PRIVATE[ ]KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_AUTHORIZATION = re.compile(
    r"""((?i:authorization["']?\s*[:=]\s*["']?(?:[a-z]+\s+)?))[\w.~+/=-]{8,}"""
    r"""|((?i:bearer|basic)\s+)(?=[A-Za-z.~+/=_-]*\d)[\w.~+/=-]{16,}"""
)
_NAME = r"[\w.-]{0,64}?(?i:passw|passphrase|secret|token|key|credential|auth)[\w.-]{0,64}"
_VALUE = r"""(?P<value>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[^\s"',;&)\]}]+)"""
# name = "value", "name": 'value', name=value; --name value
_SET = re.compile(rf"""(?<![\w.-])(?P<name>-{{0,2}}{_NAME})(?P<mark>["']?\]?\s*[:=]\s*){_VALUE}""")
_OPTION = re.compile(rf"(?<![\w.-])(?P<name>--?{_NAME})(?P<mark>\s+){_VALUE}")


def mask_text(text: str) -> str:
    """Return ``text`` with ``***`` for each secret that can be told in it.

    These are credentials in URLs, tokens of known forms, private keys, what follows
    ``Authorization:``, and what a name that tells a secret is set to.
    """
    if "://" in text:
        text = mask_urls(text)
    text = _TOKEN.sub(MASK, text)
    text = _AUTHORIZATION.sub(lambda found: f"{found[1] or found[2]}{MASK}", text)
    return _OPTION.sub(_mask_what_is_set, _SET.sub(_mask_what_is_set, text))


def _mask_what_is_set(found: re.Match[str]) -> str:
    name, mark, value = found["name"], found["mark"], found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    is_code = not quote and "(" in value
    is_next_option = not mark.strip() and value.startswith("-")
    if is_code or is_next_option or MASK in value or not is_secret(name):
        return found.group()
    return f"{name}{mark}{quote}{MASK}{quote}"


_ASSIGNMENT = re.compile(r"(-{0,2}[A-Za-z][\w.-]*)=.+", re.DOTALL)


def mask_word(word: str, previous: object) -> str:
    """Return a word of a command, ``***`` for what is secret: ``--token=x``, ``--token x``."""
    if not word.startswith("--") and _is_secret_option(previous):
        return MASK
    assignment = _ASSIGNMENT.fullmatch(word) if "=" in word else None
    return f"{assignment[1]}={MASK}" if assignment and is_secret(assignment[1]) else word


def _is_secret_option(word: object) -> bool:
    return isinstance(word, str) and word.startswith("-") and "=" not in word and is_secret(word)
