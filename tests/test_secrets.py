"""No secret in any byte of the store or of an export: thirty kinds, planted where programs have them."""

from __future__ import annotations

import base64
import os
import pathlib
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provagent.emit.secret import is_secret, mask_text, may_hold_secret
from provagent.export.write import DOCUMENTS, rendered

# Each is made here, of the form that its issuer documents; the part that must not be found is last.
UNIT = "s3cr3tUnit"


def planted(length, alphabet=string.ascii_letters + string.digits):
    """Text of a length that is the same each time, and looks like a token."""
    seed = 12345
    letters = []
    for _ in range(length):
        seed = (seed * 1103515245 + 12345) % 2**31
        letters.append(alphabet[seed // 65536 % len(alphabet)])
    return "".join(letters)


KEY = planted(40)
UPPER = planted(16, string.ascii_uppercase + string.digits)
HEX = planted(40, "0123456789abcdef")
BODY = base64.b64encode(planted(90).encode()).decode()
# kind: (text as it stands in a program's value, what must be nowhere)
KINDS = {
    "AWS access key": (f"key AKIA{UPPER}", UPPER),
    "AWS temporary key": (f"ASIA{UPPER}", UPPER),
    "AWS secret key": (f"aws_secret_access_key = {KEY}", KEY),
    "Google API key": (f"AIza{KEY[:35]}", KEY[:35]),
    "Google OAuth": (f"ya29.{KEY}", KEY),
    "GitHub token": (f"ghp_{KEY[:36]}", KEY[:36]),
    "GitHub server token": (f"ghs_{KEY[:36]}", KEY[:36]),
    "GitHub fine-grained": (f"github_pat_{KEY}", KEY),
    "GitLab token": (f"glpat-{KEY[:20]}", KEY[:20]),
    "Hugging Face": (f"hf_{KEY[:34]}", KEY[:34]),
    "npm": (f"npm_{KEY[:36]}", KEY[:36]),
    "PyPI": (f"pypi-{KEY}", KEY),
    "Docker": (f"dckr_pat_{KEY[:27]}", KEY[:27]),
    "Stripe": (f"sk_live_{KEY[:24]}", KEY[:24]),
    "OpenAI": (f"sk-proj-{KEY}", KEY),
    "Anthropic": (f"sk-ant-{KEY}", KEY),
    "Slack": (f"xoxb-{KEY}", KEY),
    "SendGrid": (f"SG.{KEY[:22]}.{KEY}", KEY[:22]),
    "Square": (f"sq0atp-{KEY[:22]}", KEY[:22]),
    "DigitalOcean": (f"dop_v1_{HEX}{HEX[:24]}", HEX),
    "Shopify": (f"shpat_{HEX[:32]}", HEX[:32]),
    "age": (f"AGE-SECRET-KEY-1{planted(58, string.ascii_uppercase + string.digits)}", planted(58, string.ascii_uppercase + string.digits)),
    "JSON Web Token": (f"eyJhbGciOi.eyJzdWIi{KEY}.{KEY}", KEY),
    "private key": (f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----", BODY),
    "OpenSSH key, cut": (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}", BODY),
    "URL password": (f"postgresql://reader:{KEY[:12]}@db.example/obs", KEY[:12]),
    "URL token": (f"https://{KEY}@git.example/repo.git", KEY),
    "URL query": (f"https://api.example/v1?token={KEY}&night=5", KEY),
    "signed URL": (f"https://s3.example/x?X-Amz-Credential=AKIA{UPPER}&night=5", UPPER),
    "bearer header": (f"Authorization: Bearer {KEY}", KEY),
    "basic header": (f"Authorization: Basic {base64.b64encode(KEY.encode()).decode()}", base64.b64encode(KEY.encode()).decode()),
    "Azure": (f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={BODY[:60]}==", BODY[:60]),
    "assignment": (f"password = '{KEY[:10]}'", KEY[:10]),
    "JSON": (f'{{"user": "maria", "api_key": "{KEY[:10]}"}}', KEY[:10]),
    "option": (f"mysql --password {KEY[:10]} -h db", KEY[:10]),
    "option with =": (f"curl --token={KEY[:10]} -v", KEY[:10]),
    "environment line": (f"DB_PASSWORD={KEY[:10]}", KEY[:10]),
}  # fmt: skip
PLAIN = [
    "/data/hess-dl3-dr1/hess_dl3_dr1_obs_id_023523.fits.gz", "a secret agent went by", "token",
    "tokenize the words", "the password is wrong", "password", "task-manager-with-a-very-long-name",
    "sk-learn", "https://example.org/a?night=5&index=2", "risk_live_1234567890123456789012", "eyJust",
    "access = 'r'", "passband = 'V'", "x = author", "keyword: value", "primary_key=12", "2026-11-25T10:00:00",
    "basic analysis of the night", "bearers of news", "ghp_short", "pass", "Authorization", "secretary = 'Ada'",
    "token = read_token(path)",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_kind(kind):
    """It is masked, alone and in the middle of a text, and what is around it stays."""
    text, secret = KINDS[kind]
    assert may_hold_secret(text)
    assert secret not in mask_text(text)
    assert "***" in mask_text(text)
    around = mask_text(f"night 5 of 7; {text} ; the end")
    assert secret not in around
    assert around.startswith("night 5 of 7; ")
    assert around.endswith("the end") or "BEGIN" in text


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_stays(text):
    assert mask_text(text) == text


@given(st.text(max_size=60))
def test_masking_is_done_once_and_for_all(text):
    """What was masked has nothing more to mask; and no text is too odd."""
    once = mask_text(text)
    assert mask_text(once) == once


@given(st.sampled_from(sorted(KINDS)), st.text(max_size=20), st.text(max_size=20))
def test_no_text_around_it_hides_it(kind, before, after):
    """Whatever stands beside a secret, it is masked; a letter may make it another word."""
    text, secret = KINDS[kind]
    if re.search(r"[\w.\-:/'\"@=?&#\\;]$", before) or before.endswith("\n"):
        before += " "
    assert secret not in mask_text(f"{before} {text} {after}")


LAB = """\
import urllib.request
def connect(url, options=None, **more):
    return len(url)
class Client:
    def __init__(self, credentials, host):
        self.host = host
    def ask(self, text):
        raise RuntimeError("refused: " + text)
def label(text):
    return text
"""


@pytest.mark.parametrize("first", range(0, len(KINDS), 6))
def test_none_is_in_any_byte_of_the_store_or_of_an_export(recorded, first):
    """As argument, keyword, item, attribute, result, message, source line, command and path."""
    kinds = list(KINDS)[first : first + 6]
    texts = [KINDS[kind][0] for kind in kinds]
    recorded.write("lab.py", LAB)
    recorded.write("definition.yaml", "targets: ['lab:connect', 'lab:Client', 'lab:label']\nactivities:\n  label:\n    parameters: [{name: text, value: text}]\n    usage: [{role: in, value: text, entity_description: T, identifier: content}]\n    generation: [{role: out, value: result, entity_description: T}]\nentities:\n  T: {type: PythonObject, identifier: str}\n")  # fmt: skip
    lines = ["import lab, sys"]
    for text in texts:
        lines += [
            f"lab.connect({text!r}, options={{'x': [{text!r}, ({text!r}, 1)]}}, extra={text!r})",
            f"held = [{text!r}]",
            f"client = lab.Client({text!r}, 'host')",
            f"lab.label({text!r})",
            f"try: client.ask({text!r})",
            "except RuntimeError: pass",
        ]
    recorded.write("main.py", "\n".join(lines) + "\n")
    words = [text.split(" ") if " --" in text else [text] for text in texts if "\n" not in text]
    recorded.run("main.py", *[word for group in words for word in group])
    store = recorded.folder / "prov"
    content = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    provenance = recorded.provenance
    assert len(provenance.activities) >= 3 * len(texts)
    for to in DOCUMENTS:
        content += rendered(provenance, to)
    for kind in kinds:
        secret = KINDS[kind][1]
        in_command = secret.encode() in content
        assert not in_command, (kind, where(store, secret))


def where(store, secret):
    for path in pathlib.Path(store).rglob("*"):
        if path.is_file():
            for line in path.read_text(errors="replace").splitlines():
                if secret in line:
                    return os.path.basename(path), line[:600]
    return "an export"


def test_names_that_end_in_a_secret():
    assert is_secret("aws_secret_access_key")
    assert is_secret("X-Amz-Credential")
    assert is_secret("AccountKey")
