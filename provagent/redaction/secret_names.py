"""Names of secrets: ``db_password``, ``apiKey``, ``mot_de_passe``, ``X-Auth-Token``.

A name is split into words. The name is secret, or harmless, or its value decides: ``key``, ``pin``
and ``session_id`` name a secret in one program, and a column, a contact of a chip or a run in
another program. The result for each name is cached.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from provagent.redaction.lazy_patterns import Form

if TYPE_CHECKING:
    from collections.abc import Callable

# Words after a secret name if the value is about the secret, and not the secret itself.
_ABOUT = frozenset(
    """
    age algorithm algo alias available bits class classes col cols column columns count counter
    counts date days dim dims dimension dir directory distribution dtype embedding embeddings
    enabled encoding endpoint entropy env error errors exists expires expiration expiry field
    fields file filename files folder format fraction freq frequency frequencies generator header
    hint host id ids index indices info issuer kind len length lengths level lifetime limit limits
    manager map mask masks max message min mode model name names num number offset offsets
    order path paths pattern period policy position positions prefix prob probability probs
    provider range rate ratio regex required rotation rule rules scheme score scores server size
    sizes span spans state status strength suffix table timeout ttl type types url uri usage
    used user username validator version vocab vocabulary weight weights width window
    """.split()  # noqa: SIM905 - one word a line would be a page
)
# Words that are sufficient alone, in the languages of many observatories.
_WORDS = """
    password passwords passwd passwds passphrase passphrases passcode passcodes passkey
    secret secrets credential credentials jwt
    psswd pswd passw userpwd userpass htpasswd
    phpsessid jsessionid aspsessionid cfid cftoken
    passwort passworter kennwort kennworter losungswort geheimnis zugangsdaten geheimwort
    motdepasse mdp
    contrasena contrasenas contrasenya contrasinal senha senhas segredo secreto
    parolachiave segreto
    wachtwoord wachtwoorden geheim losenord passord adgangskode adgangskoder kodeord lykilord
    salasana tunnussana parool slaptazodis haslo heslo jelszo sifre geslo lozinka zaporka
    пароль пароли секрет секреты парола лозинка
    κωδικος συνθηματικο
    密码 密碼 口令 密钥 密鑰 パスワード 暗証番号 秘密鍵 비밀번호 암호 סיסמה סיסמא
    """


_OTHER_LETTERS = str.maketrans("łŁøØđ\u0131", "lLoOdi")


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    text = text.translate(_OTHER_LETTERS)
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_SECRET = frozenset(_without_accents(_WORDS).split())
_KEYS_OF = """
    api app access account private shared encryption decryption signing secret master auth session
    license licence ssh gpg pgp rsa aes hmac host deploy storage subscription consumer client
    webhook recovery wallet unlock service vault activation security preshared wpa wifi wep jwt
    admin root bot stream tls ssl cipher crypto
"""
_CODES_OF = """
    security verification auth authorization access activation recovery backup mfa totp sms pairing
    unlock one_time login device 2fa 2_fa
"""
_PASSES_OF = """
    db database user usr smtp mail email imap pop pop3 ftp sftp ssh sudo root admin mysql pg
    postgres postgresql redis login ldap proxy http https api account my the wifi vault keystore
    truststore basic rabbitmq mongo mongodb amqp irods service archive eso remote server web sql
    oracle auth new old current confirm repeat default master jenkins bind test guest nexus mqtt
    kafka jdbc odbc
"""
_LOCKS_OF = "geheim geheimer privat privater api zugangs zugriffs"
# Words that name a secret together. A regular expression of them would take 10 ms to compile.
_PHRASES = frozenset(
    _without_accents(
        """
        accesskey accesskeys accountkey apikey apikeys privatekey secretkey key_data private_jwk
        privatejwk wpa_psk wifi_psk presharedkey pre_shared_key pre_shared_keys connect_sid
        express_sid asp_net_session_id asp_net_sessionid web_session web_session_id session_cookie
        totp_seed totp_uri totp_value otp_seed otp_uri otp_secret 2fa_seed 2_fa_seed mfa_seed
        auth_data auth_string auth_tuple auth_value auth_basic security_answer
        seed_phrase seed_words recovery_phrase recovery_words mnemonic_phrase mnemonic_words
        backup_phrase backup_words secret_phrase secret_words
        userpass user_pass userpwd user_pwd usrpass usr_pwd basicauth basic_auth httpauth http_auth
        mot_passe mot_de_passe mot_depasse cle_secrete cle_privee cle_api cle_dacces cle_d_acces
        clef_secrete clef_privee clef_api clef_d_acces code_secret
        clave_secreta clave_privada clave_api clave_acceso clave_de_acceso
        chave_secreta chave_privada chave_api chave_acesso chave_de_acesso
        chiave_segreta chiave_privata chiave_api chiave_accesso chiave_di_accesso parola_d_ordine
        parola_di_accesso palabra_secreta palabra_clave_secreta palavra_passe palavra_chave_secreta
        llave_secreta llave_privada kata_sandi mat_khau cuvant_de_trecere
        كلمة_المرور كلمة_السر κωδικος_προσβασης ключ_доступа секретный_ключ приватный_ключ
        """
    ).split()
    + [f"{one}_{key}" for one in _KEYS_OF.split() for key in ("key", "keys")]
    + [f"{one}_{code}" for one in _CODES_OF.split() for code in ("code", "codes", "pin")]
    + [f"{one}_pass" for one in _PASSES_OF.split()]
    + [
        f"{one}{mark}{lock}"
        for one in _LOCKS_OF.split()
        for mark in ("", "_")
        for lock in ("schlussel", "schluessel")
    ]
)
_LONGEST_PHRASE = 4  # words


def _has_phrase(words: list[str]) -> bool:
    plain = [word.rstrip("0123456789") or word for word in words]
    return any(
        "_".join(some[begin:end]) in _PHRASES
        for some in (words, plain)
        for begin in range(len(words))
        for end in range(begin + 1, min(begin + _LONGEST_PHRASE, len(words)) + 1)
    )


# The end of a compound word: PGPASSWORD, authtoken, mypasswort.
_TOGETHER = re.compile(
    r"(?:passwords?|passwd|passphrase|passwort|kennwort|secrets?|credentials?|tokens?|api_?key"
    r"|secret_?key|access_?key|private_?key|auth_?key|passcode|motdepasse|contrasena|wachtwoord"
    r"|sessid|sessionid|jsessionid|пароль|^(?:root|user|usr|db|admin|mysql|ftp|ssh|my|sudo|mail"
    r"|smtp|ldap|proxy|login|http|wifi|pg|store|key|truststore|keystore|ansible|ssl)(?:pw|pwd|pass))$"
)
_SECRET_AT_THE_END = frozenset(
    ["token", "auth", "authorization", "oauth", "cred", "creds", "cookie", "cookies", "bearer"]
)
_OF_LANGUAGE = frozenset(
    """
    n num number max min total per pad eos bos unk sep cls mask special stop start end first last
    next prev previous input output new target image text word sub pos
    class query patch register separator decoder encoder forced prompt completion generated
    """.split()  # noqa: SIM905 - of models of language: the token is a word
)
_ASKING = {
    "key": "key", "keys": "key", "clef": "key", "cle": "key", "clave": "key", "chave": "key",
    "schlussel": "key", "ключ": "key",
    "tokens": "random", "jeton": "random", "jetons": "random", "ficha": "random",
    "pass": "pass", "pw": "pass", "pwd": "pass", "parola": "pass",
    "pin": "digits", "otp": "digits", "totp": "digits", "cvv": "digits",
    "sig": "random", "signature": "random", "hmac": "random", "nonce": "random",
    "salt": "random", "ticket": "random", "hash": "key", "code": "key", "seed": "words",
    "mnemonic": "words", "session": "session", "sid": "session", "sessionid": "session",
    "psk": "random", "dsn": "connection", "netrc": "connection", "login": "connection",
    "webhook": "connection", "conn": "connection", "license": "random", "licence": "random",
}  # fmt: skip
_ASKING_PHRASES = re.compile(
    r"(?:^|_)(?:session_id|(?:otp|totp|pin)_code|(?:connection|conn|connect)_?(?:string|str|url|uri)"
    r"|(?:db|database|redis|broker|mongo|postgres|mysql|amqp|celery)_(?:url|uri|dsn))\d*$"
)

_WORD_IN_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")
_LONGEST_NAME = 200
_SHORTEST_TOGETHER = 4  # letters

SECRET, HARMLESS = "secret", ""


def is_secret(name: object) -> bool:
    """Return whether a value with this name (``db_password``, ``apiKey``) is a secret."""
    return type(name) is str and what_of(name) is SECRET


@lru_cache(maxsize=4096)
def what_of(name: str) -> str:
    """Return ``secret``, an empty text for a harmless name, or the form a secret value has."""
    if len(name) > _LONGEST_NAME:
        return HARMLESS
    name = _without_accents(name)
    name = _SEPARATORS.sub("_", _WORD_IN_CAMEL_CASE.sub("_", name)).lower().strip("_")
    words = name.split("_")
    last = words[-1].rstrip("0123456789") or (words[-2] if len(words) > 1 else "")
    if _ASKING_PHRASES.search(name):
        return _of_phrase(name)
    is_about = last in _ABOUT and not name.endswith("access_key_id")
    if is_about:
        return "random" if name.endswith(("secret_id", "credential_id")) else HARMLESS
    if (
        not _SECRET.isdisjoint(words) or _has_phrase(words)
        or last in _SECRET_AT_THE_END
    ):  # fmt: skip
        if last == "token" and len(words) > 1 and words[-2] in _OF_LANGUAGE:
            return "random"
        return SECRET
    if "token" in words:
        return SECRET if last in ("data", "value", "string") else "random"
    if any(
        _TOGETHER.search(word.rstrip("0123456789"))
        for word in words
        if len(word) >= _SHORTEST_TOGETHER
    ):
        return "random" if last.endswith("tokens") else SECRET
    if last in _ASKING:
        return _asked(last, words)
    return HARMLESS


def _of_phrase(name: str) -> str:
    if "session" in name:
        return "session"
    return "digits" if name.rstrip("0123456789").endswith("_code") else "connection"


def _asked(last: str, words: list[str]) -> str:
    asking = _ASKING[last]
    if asking == "pass" and len(words) > 1 and last == "pass":
        return "random"  # low_pass, first_pass
    if asking == "digits" and len(words) > 1 and words[0] in ("n", "num", "gpio", "spi", "i2c"):
        return HARMLESS
    return asking


_UUID = Form(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = Form(r"(?:0x)?[0-9a-fA-F]+")
_PLACE = Form(r"[./~]|[A-Za-z]:\\")
_QUANTITY = Form(r"[-+\d.,\s]+|[-+]?[\d.]+(?:e[-+]?\d+)?\s*[A-Za-z%/*^0-9 -]{0,12}")
_TURNS = frozenset(
    """
    first second third last low high band all none any yes no true false ok both fail failed
    passed even odd forward backward forwards backwards up down single double multi one two
    """.split()  # noqa: SIM905
)
_HIDING_PART = Form(r"(?i)://[^/\s]*:[^/\s]*@|/[^/\s@]+@|(?:pwd|pass\w*|key|sig)\s*=")
_MNEMONIC = Form(r"\s*[a-z]{3,8}(?:[\s,]+[a-z]{3,8}){11,23}\s*")
_SHORTEST_RANDOM, _SHORTEST_PASSWORD, _SHORTEST_SESSION, _SHORTEST_DIGEST = 16, 4, 24, 32


def hides(name: object, value: Any) -> bool:
    """Return whether a value is secret by its name; None, True, False and "" are not."""
    if type(name) is not str:
        return False
    what = what_of(name)
    if not what or value is None or isinstance(value, bool) or value == "":
        return False
    if what is SECRET:
        if isinstance(value, (int, float)):
            return _may_be_number(name, value)
        return name != "token" or not _is_word(value)
    return _is_asked_for(what, value)


def _may_be_number(name: str, value: float) -> bool:
    """Return whether a number may be this secret: a password may be, a token is not."""
    low = name.lower()
    return isinstance(value, int) and not low.endswith(("token", "key"))


def _is_word(value: Any) -> bool:
    """Return whether the value is a word of a text, as a token of a language is."""
    return (
        isinstance(value, str)
        and 1 < len(value) <= _LONGEST_WORD
        and value.isalpha()
        and value.islower()
    )


_LONGEST_WORD = 14  # letters


def _is_asked_for(what: str, value: Any) -> bool:
    if isinstance(value, int):
        return what == "digits" and _is_pin(str(value))
    if isinstance(value, dict):
        value = _decoded(value)
    if isinstance(value, (list, tuple)):
        if what == "connection" and _is_login(value):
            return True
        return any(isinstance(item, str) and _is_asked_for(what, item) for item in value)
    if not isinstance(value, str):
        return False
    return _ASKED[what](value)


def _decoded(value: dict[str, Any]) -> Any:
    """Return the value of an encoding of ``contract.values``, bytes as text."""
    kind, inner = value.get("$type"), value.get("value")
    if kind in ("bytes", "bytearray") and isinstance(inner, str):
        try:
            return b64decode(inner).decode("latin-1")
        except ValueError:
            return None
    if kind is None:
        return list(value.values())
    return inner if kind in ("tuple", "str") else None


def _is_login(value: Any) -> bool:
    """Return whether it is user and password, perhaps with an account between, as in netrc."""
    return len(value) in (2, 3) and all(one is None or isinstance(one, str) for one in value)


def _is_password(text: str) -> bool:
    """Return whether a text may be a password for an ambiguous name: pass, pw, pwd."""
    if _PLACE.match(text) or text.lower() in _TURNS or "(" in text:
        return False
    return len(text) >= _SHORTEST_PASSWORD and not _QUANTITY.fullmatch(text)


def is_random(text: str, shortest: int = _SHORTEST_RANDOM) -> bool:
    """Return whether a text looks random: its letters and digits alternate all the time."""
    if len(text) < shortest or not _DRAWN.fullmatch(text) or _UUID.fullmatch(text):
        return False
    kinds = text.translate(_KINDS)
    pairs = Counter(pairwise(kinds))
    if "d" not in kinds:  # SomeNameOfAClass has at most a third of capitals
        capitals, small = kinds.count("A"), kinds.count("a")
        return pairs["A", "A"] > 1 and capitals * 2 > small > capitals // 2
    changes = sum(n for (one, other), n in pairs.items() if one != other and one != "-" != other)
    among = sum(n for (one, other), n in pairs.items() if "d" in (one, other) and one != other)
    return changes * 4 >= len(text) and among > 1 and not {"a", "A"}.isdisjoint(kinds)


_DRAWN = Form(r"[A-Za-z0-9+/=_.~%-]+")
_KINDS = str.maketrans(
    {
        **dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "a"),
        **dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "A"),
        **dict.fromkeys("0123456789", "d"),
        **dict.fromkeys("+/=_.~%-", "-"),
    }
)


def is_key(text: str) -> bool:
    """Return whether it looks random, and is no digest, date, UUID or name of several parts."""
    return is_random(text) and not _HEX.fullmatch(text) and not re.search(r"[-_/.]", text)


_SESSION = Form(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9%+/=~]{20,}|s%3A[\w.%+/-]{20,}")


def _is_session(text: str) -> bool:
    if _HEX.fullmatch(text):
        return len(text) >= _SHORTEST_SESSION
    return bool(_SESSION.fullmatch(text)) and not re.search(r"\d{8}T?\d{4}", text)


def _is_pin(text: str) -> bool:
    return re.fullmatch(r"[0-9]{4,8}", text) is not None


def _is_digest(text: str) -> bool:
    return _HEX.fullmatch(text) is not None and len(text) >= _SHORTEST_DIGEST


_ASKED: dict[str, Callable[[str], bool]] = {
    "pass": _is_password,
    "digits": lambda text: _is_pin(text) or is_random(text),
    "random": lambda text: is_random(text) or _is_digest(text),
    "key": is_key,
    "session": _is_session,
    "words": lambda text: bool(_MNEMONIC.fullmatch(text)),
    "connection": lambda text: bool(_HIDING_PART.search(text)),
}
