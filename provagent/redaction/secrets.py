"""Masks secrets in a text: credentials in URLs and headers, tokens, values of secret names.

Each rule first searches for a mark that all its matches contain (``=``, ``://``, a long run of
letters and digits), since nearly all texts contain none. The result for a short text is cached,
because a program passes the same texts to its functions again and again.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from provagent.redaction.lazy_patterns import Form
from provagent.redaction.secret_names import SECRET, hides, is_key, is_random, is_secret, what_of
from provagent.redaction.token_forms import SHORTEST_TOKEN, mask_blocks, mask_tokens, may_hold_token

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MASK", "hides", "is_secret", "mask_bytes", "mask_location", "mask_text", "mask_urls",
    "mask_words", "what_of",
]  # fmt: skip

MASK = "***"
_SHORT = 256  # maximum characters of a cached text
_DIGITS = 8  # of the digest in a location


def mask_text(text: str) -> str:
    """Return ``text`` with ``***`` for each recognized secret.

    Secrets are credentials in URLs, headers and commands, tokens of known forms, private keys,
    hashed passwords, and values of secret names. A text without a secret is returned as the same
    object.
    """
    clean = _remembered(text) if type(text) is str and len(text) <= _SHORT else _masked(text)
    return text if clean is None else clean


def _masked(text: str) -> str | None:
    """Return the masked text, or None if there is no secret."""
    whole = text
    has_colon, has_hyphen = ":" in text, "-" in text
    if (has_colon and (":/" in text or "jdbc:" in text)) or "%3" in text:
        text = mask_urls(text)
    if has_hyphen and ("BEGIN" in text or "Private-Lines" in text):
        text = mask_blocks(text, MASK)
    if len(text) >= SHORTEST_TOKEN and may_hold_token(text):
        text = mask_tokens(text, MASK)
        if len(text) >= _SHORTEST_BASE64 and _BASE64.search(text):
            text = _BASE64.sub(_mask_base64, text)
    if has_colon or "=" in text or "%3" in text or "\\u00" in text:
        text = _mask_assignments(text)
    if has_hyphen and (text[0] == "-" or " -" in text):
        text = _mask_options(text)
    if "<" in text or "value" in text:
        text = _mask_markup(text)
    low = text.lower()
    if (
        "pass" in low or "token" in low or "key" in low or "secret" in low or "auth" in low
        or "pwd" in low or "bearer" in low or "identified" in low or "sqlplus" in low
    ):  # fmt: skip
        text = _mask_sentences(text)
    return None if text == whole else text


_remembered = lru_cache(maxsize=4096)(_masked)
_SHORTEST_BASE64 = 24


def mask_location(location: str) -> str:
    """Return a location, masked, with a digest in place of the first mask in a path.

    Two files whose names differ only in the masked part keep different locations: the digest is the
    beginning of the digest of the whole location. Credentials in a URL do not identify the file, so
    they have no digest.
    """
    clean = mask_text(location)
    if clean == location or "://" in location:
        return clean
    digest = sha256(location.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return clean.replace(MASK, f"{MASK}{digest}", 1)


# --- URLs

# user:password@ before a host. A password may contain an @ and, against the rules, a slash. A port
# is no password. 256 limits the search in a long text.
_PASSWORD = Form(
    r"(:/{1,2}[^\s/?#:@\[]*:)(?!\d+(?:[/?#]|$))(?:[^\s/?#]*|[^\s@]{0,256})@",
)
_TOKEN_AS_USER = Form(r"(https?:/{1,2})[^\s/?#:@]+@")
_ENCODED_PASSWORD = Form(r"(?i)(%3A(?:%2F){2}[^\s%&]*%3A)(?:(?!%40)[^\s&])+(?=%40)")
_ORACLE = Form(r"(?i)(jdbc:oracle:\w+:[^\s/@:]+/)[^\s@]+(?=@)")
_QUERY_NAME = Form(r"(?:[?&;#]|%3F|%26)(?P<name>[^\s?&;#=%]+)(?:=|%3D)")
_QUERY_VALUE = Form(r"(?:(?!%26)[^\s&;#\"'<>])+")
# Addresses that are secrets themselves: web hooks, bots.
_HOOK = Form(
    r"(:/{1,2}(?:hooks\.slack\.com/(?:services|workflows|triggers)/"
    r"|(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/|[\w.-]*webhook\.office\.com/webhookb2/"
    r"|api\.telegram\.org/(?:file/)?bot|hooks\.zapier\.com/hooks/catch/\d+/"
    r"|(?:maker\.)?ifttt\.com/trigger/\w+/with/key/|chat\.googleapis\.com/v1/spaces/[^\s/]+/"
    r"messages\?))[^\s\"'<>]+"
)
# Parameters that sign a URL, in addition to secret names.
_SIGNING = frozenset(
    """
    sig signature x-amz-signature x-amz-credential x-amz-security-token x-goog-signature
    x-goog-credential x-oss-signature ossaccesskeyid awsaccesskeyid googleaccessid
    key-pair-id policy hdnea hdnts hdntl __gda__ oauth_signature jwt sid ticket hmac x-cos-signature
    code client_assertion samlresponse samlrequest assertion st se_token urlsigname
    """.split()  # noqa: SIM905 - one word a line would be a page
)


def mask_urls(text: str) -> str:
    """Return ``text`` with ``***`` for each password, token, key or signature in a URL."""
    if "@" in text:
        text = _PASSWORD.sub(rf"\1{MASK}@", text)
        text = _TOKEN_AS_USER.sub(rf"\1{MASK}@", text)
        text = _ORACLE.sub(rf"\1{MASK}", text)
    if "%40" in text:
        text = _ENCODED_PASSWORD.sub(rf"\1{MASK}", text)
    if "hook" in text or "bot" in text or "ifttt" in text or "/spaces/" in text:
        text = _HOOK.sub(rf"\1{MASK}", text)
    return _mask_query(text)


def _mask_query(text: str) -> str:
    parts: list[str] = []
    done = place = 0
    while found := _QUERY_NAME.search(text, place):
        place = found.end()
        name = found["name"]
        is_signing = name.lower() in _SIGNING
        value = _QUERY_VALUE.match(text, place) if is_signing or what_of(name) else None
        if value is None:
            continue
        place = value.end()
        if _is_number_of(name, value[0]):
            continue
        if hides(name, value[0]) or (is_signing and len(value[0]) >= _SHORTEST_SIGNATURE):
            parts += text[done : value.start()], MASK
            done = place
    return "".join((*parts, text[done:])) if parts else text


_SHORTEST_SIGNATURE = 8  # characters

# --- values of names

_QUOTED = (
    r"""[bBrRuUfF]{0,2}"(?:[^"\\\n]|\\.)*"|[bBrRuUfF]{0,2}'(?:[^'\\\n]|\\.)*'"""
    r"""|\\+"(?:(?!\\+")[^\n])*\\+"|\{[^{}\n=:]*\}|\[[^\[\]]*\]?|\([^()]*\)?"""
)
_VALUE = rf"""(?P<value>{_QUOTED}|[^\s"',;&)\]}}<>|]+)"""
# name = "value", "name": 'value', name=value, name => value: the part before the value
_SET = Form(
    r"(?<![\w.\-])(?P<name>-{0,2}[^\W\d][\w.\-]{0,80}+)"
    r"""\\*+["']?\]?\s{0,8}+(?:=>|:=|[=:])\s{0,8}+"""
)
# The same in a text that is encoded for a URL, for HTML or for JSON
_ENCODED_SET = Form(
    r"(?:(?<![\w.\-])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<=&quot;))(?P<name>[^\W\d][\w.\-]{0,80}+)"
    r"(?:%22|&quot;|&#34;|\\u0022)?\s?(?:%3[ADad]|[:=]|\\u003[ad])\s?(?:%22|%27|&quot;|&#34;|\\u0022)?"
)
_ENCODED_VALUE = Form(r"(?P<value>[^\s%&\\\"'<>]+)")
_VALUE_OF = Form(_VALUE)
_WORDS_OF = Form(r"(?P<value>[a-z]{3,8}(?:[ ,]+[a-z]{3,8}){11,23})")
# name: a value of several words, or of several lines, as in YAML
_LINE = Form(
    r"(?m)^(?P<name>[ \t]*(?:-[ \t]+)?[^\W\d_][\w.-]{0,80})(?P<mark>[ \t]*:[ \t]+)"
    r"(?P<value>[^\s\"'{\[|>#&*!][^\n]*[ \t][^\n]*)$"
)
_LINES = Form(
    r"(?<![\w.\-])(?P<name>[^\W\d_][\w.-]{0,80})(?P<mark>[ \t]*:[ \t]+)"
    r"(?P<value>[|>][-+\d]*[ \t]*(?:\n[ \t]+[^\n]*)+)"
)
_AUTHORIZATION = Form(
    r"""((?i:(?:proxy-)?authorization\\*["']?\s{0,8}(?:[=:]|=>|,)\s{0,8}\\*["']?(?:[a-z]+[\w-]*\s+)?))"""
    r"""(?!\*\*\*|[\w-]+\s+\*\*\*)(?:\w+\s*=\s*(?:"[^"\n]*"|[^\s,"]+)(?:\s*,\s*\w+\s*=\s*(?:"[^"\n]*"|[^\s,"]+))+"""
    r"""|[\w.~+/=:!@$%^*-]{4,})"""
    r"""|((?i:bearer|basic|negotiate|ntlm)\s+)(?=[A-Za-z.~+/=_-]*\d)[\w.~+/=-]{16,}"""
)
_COOKIE = Form(
    r"""(?i:((?:set-)?cookie2?\\*["']?\s{0,8}(?:[:=]|=>|,)\s{0,8}\\*["']?))"""
    r"""(?=[^\s=;,"']+=)([^\s=;,"']+=[^\s;,"'\\]*(?:;[ \t]*[^\s=;,"']+=[^\s;,"'\\]*)*)"""
)
_COOKIE_VALUE = Form(r"=[^\s;]+")
_ATTRIBUTES_OF_COOKIES = Form(r"(?i)(?:path|domain|expires|max-age|samesite|version)=")
_JWK = Form(r'(\\*["\'](?:d|p|q|dp|dq|qi|k)\\*["\']\s*:\s*\\*["\'])[\w+/=-]{8,}')
_PATH_BEFORE = Form(r"(?:^|[\s\"'=(])[\w.~:-]*/(?:[^\s\"']*/)?$")
_SQL = Form(
    r"(?is)^\W*(?:select|insert|update|delete|with|create|alter|explain|where)\b"
    r".*\b(?:from|into|set|where|values|table|view|index|by|join|user|role)\b"
)
_REFERENCE = Form(
    r"\$\{[^}]*\}?|\$[A-Z_]+|%\(\w+\)s|\{\{?[\w. ]+\}?\}|<[\w -]+>|\?|:\w+|%s"
    r"|(?i:none|null|true|false|nil|undefined|yes|no|on|off|str|int|bytes|bool|optional|any)"
)
_IDENTIFIER = Form(r"[A-Za-z_][A-Za-z_]*(?:\.[A-Za-z_]\w*)*")
_CALL = Form(r"[A-Za-z_][\w.]*[(\[]")


def _mask_assignments(text: str) -> str:
    low = text.lower()
    if "uthori" in low or "bearer" in low or "basic" in low or "negotiate" in low or "ntlm" in low:
        text = _AUTHORIZATION.sub(lambda found: f"{found[1] or found[2]}{MASK}", text)
    if "cookie" in low:
        text = _COOKIE.sub(_mask_cookie, text)
    if '"kty' in low or "'kty" in low or "RSAKeyValue" in text:
        text = _JWK.sub(rf"\1{MASK}", text)
    if "%3" in text or "&quot;" in text or "\\u00" in text:
        text = _mask_values(_ENCODED_SET, text)
    if ":" in text and "\n" in text:
        text = _LINES.sub(_mask_line, _LINE.sub(_mask_line, text))
    return _mask_values(_SET, text)


def _mask_cookie(found: re.Match[str]) -> str:
    items = [
        item if _ATTRIBUTES_OF_COOKIES.match(item.lstrip()) else _COOKIE_VALUE.sub(f"={MASK}", item)
        for item in found[2].split(";")
    ]
    return found[1] + ";".join(items)


def _mask_line(found: re.Match[str]) -> str:
    name = found["name"].strip(" \t-")
    if what_of(name) is not SECRET or MASK in found["value"] or _is_code(found["value"]):
        return found[0]
    return f"{found['name']}{found['mark']}{MASK}"


def _mask_values(names: Form, text: str) -> str:
    """Mask the values that follow the names of secrets.

    A value is read only after a secret name, since the value may be long, and may be a name itself.
    """
    parts: list[str] = []
    done = place = 0
    while found := names.search(text, place):
        place = found.end()
        name = found["name"]
        what = what_of(name)
        value = None
        if what:
            value = _WORDS_OF.match(text, place) if what == "words" else None
            form = _ENCODED_VALUE if names is _ENCODED_SET else _VALUE_OF
            value = value or form.match(text, place)
        if value is None:
            continue
        place = value.end()
        before, inner, after = _unquoted(value[0])
        if MASK not in inner and _is_hidden(found, what, before, inner):
            parts += text[done : value.start()], before, MASK, after
            done = place
    return "".join((*parts, text[done:])) if parts else text


def _is_hidden(found: re.Match[str], what: str, before: str, inner: str) -> bool:
    name = found["name"]
    if not inner or (not before and _is_code(inner)):
        return False
    if what is not SECRET:
        return hides(name, int(inner) if inner.isdecimal() and not before else inner)
    if _is_weak_here(found, before, inner):
        return is_random(inner.partition("/")[0])
    return hides(name, inner) and not _is_number_of(name, inner)


def _is_weak_here(found: re.Match[str], before: str, inner: str) -> bool:
    """Return whether the name may be a column in SQL or a folder in a path."""
    text, start, low = found.string, found.start(), found["name"].lower()
    mark = text[found.end("name") : found.end()]
    if before == "[" and "token" in low:
        return True  # a list of words
    is_column = "token" in low or low.endswith(("key", "keys", "auth"))
    if is_column and mark == "=" and start and text[start - 1] == "/":
        return _PATH_BEFORE.search(text[max(0, start - _SHORT) : start]) is not None
    if _SQL.match(text) is None:
        return False
    return is_column or bool(not before and _IDENTIFIER.fullmatch(inner))


def _is_number_of(name: str, inner: str) -> bool:
    """Return whether the value is a count or a number of an item: token = 17."""
    return inner.isdigit() and len(inner) <= _LONGEST_NUMBER and "token" in name.lower()


_LONGEST_NUMBER = 5  # digits


def _is_code(text: str) -> bool:
    """Return whether the text is no value itself: a call, a secret variable, a placeholder."""
    if _CALL.match(text) or _REFERENCE.fullmatch(text):
        return True
    return bool(_IDENTIFIER.fullmatch(text)) and what_of(text) is SECRET


def _unquoted(value: str) -> tuple[str, str, str]:
    """Return the part before a value, the value, and the part after it."""
    quote = re.match(r"[bBrRuUfF]{0,2}(\\*[\"'])|[{\[(]", value)
    if quote is None:
        return "", value, ""
    mark = quote[1] or {"{": "}", "[": "]", "(": ")"}[quote[0]]
    end = len(value) - len(mark) if value.endswith(mark) and len(value) > len(quote[0]) else None
    if end is None:
        return ("", value, "") if quote[1] else (quote[0], value[len(quote[0]) :], "")
    return quote[0], value[len(quote[0]) : end], mark


# --- commands

_OPTION = Form(r"(?<![\w.\-])(?P<name>--?[^\W\d_][\w.-]{0,80})\s+(?!-)")
_USER_AND_PASSWORD = Form(
    r"""((?:curl|wget|http|https|xh|smbclient|aria2c)\b[^\n|]{0,300}?\s"""
    r"""(?:-u|-U|-a|--user|--auth|--proxy-user|--proxy-auth)[\s=]*["']?[^\s:%"']+[:%])(?!//)[^\s"']+"""
)
_COOKIES_OF_CURL = Form(
    r"""(\bcurl\b[^\n|]{0,300}?\s(?:-b|--cookie)[\s=]*["']?[^\s="']+=)[^"'\s]+"""
)
_PROGRAMS = (
    r"(?:mysql\w*|mariadb\w*|sshpass|mongo\w*|docker|podman|htpasswd|7z\w*|unzip|zip|sqlcmd"
    r"|redis-cli|ldap\w+|smbclient|bcp|isql|tsql|psql|az|cqlsh|clickhouse-client|influx|rclone"
    r"|impacket\S*|xfreerdp|ipmitool|snmp\w+|openssl|svn|cadaver|lftp|ncftp\w*|twine|irods|iinit)"
)
_OF_PROGRAM = Form(
    rf"(\b{_PROGRAMS}(?:\.exe)?\b[^\n|;&]{{0,300}}?\s(?:-p|-P|-a|-w|/p:))(?P<mark>\s*=?\s*)"
    r"""(?P<value>"[^"\n]*"|'[^'\n]*'|[^\s"']+)"""
)
_OF_OPENSSL = Form(r"(\b(?:pass|-k|-K)[: ])((?!file:|env:|fd:|stdin)[^\s\"']+)")


def _mask_options(text: str) -> str:
    text = _mask_values(_OPTION, text)
    if ":" in text or "%" in text:
        text = _USER_AND_PASSWORD.sub(rf"\1{MASK}", text)
    if "curl" in text:
        text = _COOKIES_OF_CURL.sub(rf"\1{MASK}", text)
    text = _OF_PROGRAM.sub(_mask_of_program, text)
    text = _ONE_LETTER.sub(_mask_one_letter, text)
    if "openssl" in text:
        text = _OF_OPENSSL.sub(rf"\1{MASK}", text)
    return text


# -t and a key: a random text is no path, number or name
_ONE_LETTER = Form(r"(?<!\S)(-[A-Za-z]\s+)(?P<value>[A-Za-z0-9+=]{32,}|[A-Za-z0-9+=]{16,31}(?!\S))")


def _mask_one_letter(found: re.Match[str]) -> str:
    return found[1] + MASK if is_key(found["value"]) else found[0]


def _mask_of_program(found: re.Match[str]) -> str:
    value = found["value"].strip("\"'")
    if MASK in value or value.startswith(("-", "$")) or _is_port_or_place(value):
        return found[0]
    return f"{found[1]}{found['mark']}{MASK}"


def _is_port_or_place(word: str) -> bool:
    if "/" in word or word[:1] in ("", "."):
        return True
    is_number = len(word) <= _LONGEST_NUMBER and word.isdigit()
    return is_number or re.fullmatch(r"[\d.:,-]+:\d*", word) is not None


_ASSIGNMENT = Form(r"(-{0,2}[A-Za-z][\w.-]*)=.+", re.DOTALL)
_PROGRAM = Form(rf"(?:.*/)?{_PROGRAMS}(?:\.exe)?")
_HAS_USER = frozenset(["-u", "-U", "--user", "--username", "--login", "-l", "-D", "--account"])
_OF_USER = frozenset(["--login", "-u", "-U", "--user", "--auth", "--proxy-user", "-a"])
_LONGEST_COMMAND = 1000  # words


def mask_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command, with ``***`` for secrets.

    Masked are ``--token=x``, ``--token x``, ``-p x`` and ``-px`` if a password is expected there,
    and secrets that ``mask_text`` finds in a word.
    """
    clean = [mask_text(word) for word in words]
    if not any(word[:1] == "-" or "=" in word for word in words):
        return clean
    for number, word in enumerate(words[:_LONGEST_COMMAND]):
        if word and clean[number] != MASK:
            clean[number] = _mask_word(words, number, clean[number])
    return clean


def _mask_word(words: Sequence[str], number: int, clean: str) -> str:
    word, previous = words[number], words[number - 1] if number else ""
    assignment = _ASSIGNMENT.fullmatch(word) if "=" in word else None
    if assignment and hides(assignment[1], word[len(assignment[1]) + 1 :]):
        return f"{assignment[1]}={MASK}"
    if previous.startswith("-") and "=" not in previous:
        is_named = not word.startswith("--") and hides(previous, word)
        if is_named or (previous in _OF_PASSWORD and _may_be_password(word, words[:number])):
            return MASK
        if len(previous) == len("-t") and is_key(word):
            return MASK
        if previous in _OF_USER and ":" in word and "/" not in word and MASK not in word:
            return f"{word.partition(':')[0]}:{MASK}"
    is_attached = word[:2] in _ATTACHED and len(word) > _SHORTEST_ATTACHED and word[2] not in "-="
    if is_attached and _may_be_password(word[2:], words[:number], is_attached=True):
        return f"{word[:2]}{MASK}"
    return clean


_OF_PASSWORD, _ATTACHED = frozenset(["-p", "-P", "-w"]), frozenset(["-p", "-P"])
_SHORTEST_ATTACHED = 4


def _may_be_password(word: str, before: Sequence[str], *, is_attached: bool = False) -> bool:
    """Return whether a word after ``-p`` is a password: no port, path, profile or plot."""
    if _is_port_or_place(word) or word.startswith("-") or re.fullmatch(r"[-+\d.,:e]+\w?", word):
        return False
    if any(_PROGRAM.fullmatch(one) for one in before) or not _HAS_USER.isdisjoint(before):
        return not is_attached or not re.fullmatch(r"[a-z]+(?:-[a-z]+)*", word)
    return _is_mixed(word) and not re.search(r"\.\w{1,5}$", word)


def _is_mixed(word: str) -> bool:
    """Return whether letters, digits and marks alternate in a word as in no ordinary name."""
    if re.search(r"[_\s]|\d{4}-\d\d", word) or len(word) < _SHORTEST_PASSWORD:
        return False
    changes = len(re.findall(r"(?<=[0-9])[A-Za-z]|(?<=[A-Za-z])[0-9]", word))
    has_marks = bool(re.search(r"[!@#$%^&*?]", word)) and word[0].isalnum()
    return has_marks or changes >= _FEWEST_CHANGES


_SHORTEST_PASSWORD, _FEWEST_CHANGES = 6, 2

# --- markup: XML, HTML, and pairs of a name and a value in JSON

_ELEMENT = Form(r"(<(?:\w+:)?(?P<name>[A-Za-z][\w.-]*)(?:\s[^<>]*)?>)(?P<value>[^<>]+)(?=</)")
_CDATA = Form(
    r"(<(?:\w+:)?(?P<name>[A-Za-z][\w.-]*)(?:\s[^<>]*)?>\s*<!\[CDATA\[)(?P<value>.*?)(?=\]\]>)",
    re.DOTALL,
)
_NAMED = Form(
    r"""(?P<before>\b(?:name|key|id|field|header|property|type)\\*["']?\s*[:=]\s*\\*["']"""
    r"""(?P<name>[^"'\\\n]{1,80})\\*["'](?:\s*,|\s+)?(?:\s*(?!value)[\w-]+=["'][^"'<>]*["'])*\s*"""
    r"""(?:\\*["']?value\\*["']?\s*[:=]\s*\\*["']|/?>))(?P<value>[^"'<>\\\n]+)"""
)


def _mask_markup(text: str) -> str:
    if "</" in text:
        text = _ELEMENT.sub(_mask_element, text)
        if "CDATA" in text:
            text = _CDATA.sub(_mask_element, text)
    if "value" in text or "</" in text:
        text = _NAMED.sub(_mask_named, text)
    return text


def _mask_element(found: re.Match[str]) -> str:
    value = found["value"].strip()
    if MASK in value or not hides(found["name"], value):
        return found[0]
    if "token" in found["name"].lower() and not (_is_mixed(value) or is_random(value)):
        return found[0]  # a word of a text
    return f"{found[1]}{MASK}"


def _mask_named(found: re.Match[str]) -> str:
    if MASK in found["value"] or not hides(found["name"], found["value"]):
        return found[0]
    return f"{found['before']}{MASK}"


# --- sentences

# A random word, after a word for a secret
_DRAWN_WORD = Form(
    r"""(\b(?i:\w*tokens?|(?:api|access|secret|private|auth)[ _-]?keys?|bearer|secret)"""
    r"""(?:\s+(?:is|was|of|for|to|used))?\s*[:=]?\s+)(["'`]?)(?P<value>[A-Za-z0-9+/=_.~-]{12,})\2"""
)
_MOT_DE_PASSE = Form(r"(?i)(mot de passe\s*(?:[:=]|est)\s*)(?P<value>[^\s\"',;]+)")
_LOGIN_CALL = Form(
    r"""(?i)((?:auth\w*|login|credentials?|connect)\(\s*(["'])[^"'\n]*\2\s*,\s*(["']))(?P<value>[^"'\n]+)(?=\3)"""
)
_ORACLE_LOGIN = Form(
    r"(\b(?:sqlplus|sqlldr|expdp|impdp|rman)\b[^\n/]{0,100}\s[^\s/]+/)[^\s@]+(?=@|\s|$)"
)
_SENTENCE = Form(
    r"""(?i)(\b(?:password|passwd|passwort|passphrase|passcode|pwd)(?:\s+(?:is|was|of|for|to|used:|user"""
    r"""|given|ist|lautet|hash|expire|valid|\w+\s+(?:is|was)))?\s+|\bidentified\s+(?:with\s+\w+\s+)?by\s+"""
    r"""(?:password\s+|values\s+)?)(?P<value>\\*(["'`])(?:(?!\3)[^\n\\])+\\*\3|[^\s"'`,;()]+)"""
)
_NETRC = Form(r"(?i)(\b(?:password|passwd|account)\s+)([^\s\"']+)")
_PAIR = Form(
    r"""(\(\s*[bu]?(["'])(?P<name>[\w.-]{1,80})\2\s*,\s*[bu]?(["']))(?P<value>(?:(?!\4)[^\n\\])+)(?=\4)"""
    r"""|(["'](?P<option>--?[\w.-]{1,80})["']\s*,\s*(["']))(?P<text>(?:(?!\8)[^\n\\])+)(?=\8)"""
)


def _mask_sentences(text: str) -> str:
    if re.search(r"\b(?:machine|login|default)\s", text):
        text = _NETRC.sub(rf"\1{MASK}", text)
    if "," in text:
        text = _PAIR.sub(_mask_pair, text)
    text = _LOGIN_CALL.sub(_mask_login, text)
    text = _MOT_DE_PASSE.sub(rf"\1{MASK}", text)
    if "rman" in text or "sql" in text or "dp " in text:
        text = _ORACLE_LOGIN.sub(rf"\1{MASK}", text)
    text = _DRAWN_WORD.sub(_mask_drawn, text)
    return _SENTENCE.sub(_mask_sentence, text)


def _mask_login(found: re.Match[str]) -> str:
    value = found["value"]
    return found[1] + MASK if _is_mixed(value) or is_random(value) else found[0]


def _mask_drawn(found: re.Match[str]) -> str:
    value = found["value"]
    return f"{found[1]}{found[2]}{MASK}{found[2]}" if is_random(value, len(value)) else found[0]


def _mask_pair(found: re.Match[str]) -> str:
    name, value = found["name"] or found["option"], found["value"] or found["text"]
    if MASK in value or not hides(name, value) or what_of(name) is not SECRET:
        return found[0]
    return f"{found[1] or found[6]}{MASK}"


def _mask_sentence(found: re.Match[str]) -> str:
    value = found["value"]
    inner = value.strip("\\\"'`")
    if MASK in value or _REFERENCE.fullmatch(inner):
        return found[0]
    is_quoted = value[:1] in "\"'`\\"
    is_sql = "identified" in found[1].lower()
    if (is_quoted and " " not in inner) or is_sql or _is_mixed(inner) or is_random(inner, 12):
        return found[1] + value.replace(inner, MASK, 1)
    return found[0]


# --- texts in base64

_BASE64 = Form(r"(?<![A-Za-z0-9+_-])[A-Za-z0-9+/]{24,}={0,2}(?![A-Za-z0-9+/=_-])")
_LONGEST_BASE64 = 65536


def _mask_base64(found: re.Match[str]) -> str:
    """Mask an encoded text that contains a secret; arrays and pictures are no texts."""
    word = found[0]
    if len(word) > _LONGEST_BASE64:
        return word
    folder, slash, name = word.rpartition("/")
    for before, encoded in (("", word), (folder + slash, name)):
        inner = _decoded(encoded) if len(encoded) >= _SHORTEST_BASE64 else None
        if inner is not None:
            return f"{before}{MASK}" if _masked(inner) is not None else word
    return word


def _decoded(word: str) -> str | None:
    word = word.rstrip("=")
    try:
        text = b64decode(word + "=" * (-len(word) % 4), validate=True).decode()
    except ValueError:
        return None
    return text if text.isprintable() or not re.search(r"[^\s\x20-\x7e]", text) else None


def mask_bytes(encoded: str) -> str | None:
    """Return bytes in base64 with ``***`` for each secret; None without any secret."""
    try:
        text = b64decode(encoded).decode("latin-1")
    except ValueError:
        return None
    clean = _masked(text)
    return None if clean is None else b64encode(clean.encode("latin-1")).decode("ascii")
