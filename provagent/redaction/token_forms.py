"""The forms of tokens, keys and hashed passwords: a table of the forms that issuers publish.

The prefixes and lengths are facts from the documentation of the issuers; GitHub's list of secret
scanning patterns and the rules of gitleaks, detect-secrets and trufflehog contain most of them.
Each form needs a prefix of its own: a token without a prefix is recognized by its name only.
"""

from __future__ import annotations

import re
from functools import lru_cache

from provagent.redaction.lazy_patterns import Form

# ruff: noqa: ISC004 - the prefixes of one form are one text
# For each form: (characters after the prefix, their minimum number, whether the token must look
# random because names of files may have this prefix, the prefixes).
_PREFIXES: list[tuple[str, int, bool, str]] = [
    # GitHub; Hugging Face; npm, Docker, RubyGems, crates.io, Clojars
    (r"[A-Za-z0-9]", 20, True, "ghp_ gho_ ghu_ ghs_ ghr_ hf_ api_org_ npm_ cio"),
    (r"[A-Za-z0-9_]", 20, True, "github_pat_ CLOJARS_ rubygems_"),
    (r"[\w-]", 16, True, "pypi- dckr_pat_ dckr_oat_"),
    # GitLab
    (
        r"[\w.-]", 16, True,
        "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent- gloas- glimt- glffct- GR1348941",
    ),
    # AWS; Alibaba, Tencent, Scaleway, Yandex
    (r"[A-Z0-9]", 16, False, "AKIA ASIA ABIA ACCA"),
    (r"[A-Za-z0-9+/=]", 40, True, "ABSK"),
    (r"[A-Za-z0-9]", 12, True, "LTAI"),
    (r"[A-Za-z0-9]", 30, True, "AKID"),
    (r"[A-Z0-9]", 17, True, "SCW"),
    (r"[\w-]", 30, True, "AQVN t1. y0_"),
    # Google
    (r"[\w-]", 35, True, "AIza"),
    (r"[\w.-]", 20, True, "ya29. GOCSPX- 1//0"),
    # Stripe, OpenAI, Anthropic and issuers with the same forms
    (r"[A-Za-z0-9]", 10, True, "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_ whsec_"),
    (r"[A-Za-z0-9]", 20, True, "sk- sk_"),
    (r"[\w-]", 16, True, "sk-proj- sk-ant- sk-svcacct- sk-admin- sk-or-v1- sk-lf-"),
    (
        r"[\w-]", 20, True,
        "gsk_ xai- pplx- r8_ csk- lsv2_pt_ lsv2_sk_ ls__ pcsk_ tvly- nvapi- jina_ e2b_ tgp_v1_ "
        "fw_ wandb_v1_ co_pat_ sgp_ slk_ olp_ KGAT_",
    ),
    # Slack, Discord, Telegram, Twilio
    (r"[\w.-]", 10, True, "xoxa- xoxb- xoxd- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp-"),
    (r"[0-9a-f]", 32, False, "SK key-"),
    # SendGrid, Square, PayPal, Brevo, Shopify, Shippo, EasyPost, Duffel, Flutterwave, Lob
    (r"[\w.-]", 16, True, "SG."),
    (r"[\w-]", 20, True, "sq0atp- sq0csp- sq0idp- sq0csb- EAAA"),
    (r"[0-9a-zA-Z$]", 20, True, "access_token$production$ access_token$sandbox$"),
    (r"[\w-]", 30, True, "xkeysib- xsmtpsib-"),
    (r"[0-9a-fA-F]", 32, False, "shpat_ shpca_ shppa_ shpss_ shippo_live_ shippo_test_"),
    (r"[A-Za-z0-9]", 40, True, "EZAK EZTK"),
    (r"[\w-]", 20, True, "duffel_live_ duffel_test_ FLWSECK_TEST- FLWSECK- live_pub_ fio-u-"),
    # DigitalOcean, Heroku, Netlify, Vercel, Fly, Render, Supabase, PlanetScale, Neon, Scalingo
    (r"[0-9a-f]", 32, False, "dop_v1_ doo_v1_ dor_v1_"),
    (
        r"[\w.=-]", 20, True,
        "HRKU- nfp_ nfc_ nfo_ nfu_ vcp_ vca_ vci_ vcr_ vck_ rnd_ sbp_ sb_secret_ pscale_tkn_ "
        "pscale_pw_ pscale_oauth_ napi_ tk-us- fo1_",
    ),
    (r"[A-Za-z0-9+/=_,-]", 40, True, "FlyV1 fm1r_ fm1a_ fm2_"),
    # Databricks, Vault, Doppler, Pulumi, Prefect, Infracost, Octopus, OpenShift, Kubernetes
    (r"[0-9a-f]", 32, False, "dapi dkea pul-"),
    (r"[\w.-]", 24, True, "hvs. hvb. hvr."),
    (r"[\w.-]", 20, True, "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit. pnu_ pnb_ ico-"),
    (r"[A-Z0-9]", 25, True, "API-"),
    (r"[\w-]", 40, False, "sha256~"),
    # Grafana, New Relic, Sentry, Dynatrace, Sonar, PostHog, Honeycomb, Adafruit
    (r"[A-Za-z0-9+/=_]", 30, True, "glc_ glsa_ sntrys_ sntryu_"),
    (r"[\w-]", 24, True, "NRAK- NRJS- NRII- NRRA- NRIQ- NRSP- NRAA- phx_ aio_ rdme_ tfp_"),
    (r"[A-Z0-9.]", 24, True, "dt0c01. dt0s01. dt0s16."),
    (r"[0-9a-f]", 40, False, "sqp_ squ_ sqa_"),
    # Linear, Notion, Figma, Dropbox, Contentful, Atlassian, Bitbucket, Postman, CircleCI,
    # Buildkite, JFrog, Tailscale, 1Password, Airtable
    (
        r"[\w-]", 20, True,
        "lin_api_ lin_oauth_ ntn_ secret_ figd_ figu_ sl. CFPAT- ATATT3 ATBB ATCTT3 PMAK- PMAT- "
        "CCIPAT_ CCIPRJ_ bkua_ bkct_ tskey- tskey-auth- AKCp cmVmdGtu ops_eyJ cfut_ cfat_",
    ),
    (r"[A-Z0-9-]", 28, False, "A3-"),
    (r"[\w.]", 40, True, "pat"),
    (r"[A-Z0-9]", 20, False, "AGE-SECRET-KEY-1 AGE-PLUGIN-"),
    (r"[1-9A-HJ-NP-Za-km-z]", 100, False, "xprv yprv zprv"),
]  # fmt: skip
# Forms with more than a prefix: the beginning, and the rest.
_WHOLE = [
    ("eyJ", r"[\w-]{6,}\.[\w-]{6,}\.?[\w-]*"),  # JSON Web Token
    ("ZXlK", r"[A-Za-z0-9+/=]{40,}"),  # a JSON Web Token in base64
    ("M", r"[A-Za-z0-9_-]{23,27}\.[\w-]{6}\.[\w-]{27,}"),  # Discord
    ("N", r"[A-Za-z0-9_-]{23,27}\.[\w-]{6}\.[\w-]{27,}"),
    ("O", r"[A-Za-z0-9_-]{23,27}\.[\w-]{6}\.[\w-]{27,}"),
    ("access-", r"(?:production|sandbox|development)-[0-9a-f-]{36}"),  # Plaid
    ("pat.", r"[\w-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}"),  # Harness
    ("sat.", r"[\w-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}"),
    ("pk.eyJ", r"[\w-]{20,}\.[\w-]{16,}"),  # Mapbox
    ("sk.eyJ", r"[\w-]{20,}\.[\w-]{16,}"),
    ("v1.0-", r"[0-9a-f]{24}-[0-9a-f]{100,}"),  # Cloudflare's origin keys
    # Hashed passwords: crypt(3) and passlib, Django, LDAP
    (
        "$",
        r"(?:apr1|1|2[abxy]?|5|6|7|y|gy|argon2(?:id?|d)|scrypt|bcrypt(?:-sha256)?|pbkdf2[\w-]*)"
        r"\$[A-Za-z0-9./$=,+_-]{20,}",
    ),
    ("pbkdf2_sha", r"\d+\$[A-Za-z0-9./$=,+_-]{30,}"),
    ("bcrypt_sha256$", r"[A-Za-z0-9./$=,+_-]{30,}"),
    ("argon2$", r"[A-Za-z0-9./$=,+_-]{30,}"),
    ("{", r"S?(?:SHA|MD5|CRYPT)(?:256|384|512)?\}[A-Za-z0-9+/$.=]{20,}"),
]
# Forms whose mark is not at the beginning: Telegram, Mailchimp, Terraform Cloud, Entra ID, MaxMind,
# Facebook.
_APART = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))"
_MARKED = [
    (":AA", rf"{_APART}\d{{8,10}}:AA[\w-]{{30,}}"),
    ("-us", rf"{_APART}[0-9a-f]{{32}}-us\d{{1,2}}(?![A-Za-z0-9])"),
    (".atlasv1.", rf"{_APART}[A-Za-z0-9]{{14}}\.atlasv1\.[\w=-]{{40,}}"),
    ("Q~", rf"{_APART}[\w.~]{{3}}\dQ~[\w.~-]{{31,34}}"),
    ("_mmk", rf"{_APART}[A-Za-z0-9]{{6}}_[A-Za-z0-9]{{29}}_mmk"),
    ("|", rf"{_APART}\d{{15,16}}\|[\w-]{{27,40}}(?![\w-])"),
]
# Whole blocks; a block without an end extends to the end of the text.
_BLOCK = Form(
    r"""
      -----BEGIN[ A-Z0-9]*PRIVATE[ ]KEY(?:[ ]BLOCK)?-----
      .*?(?:-----END[ A-Z0-9]*PRIVATE[ ]KEY(?:[ ]BLOCK)?-----|\Z)
    | ----[ ]BEGIN[ ]SSH2[ A-Z]*PRIVATE[ ]KEY[ ]----.*?(?:----[ ]END[ A-Z0-9]*----|\Z)
    | (?<=Private-Lines:)(?!\*\*\*).*?(?:Private-(?:MAC|Hash):[ \t]*[0-9a-fA-F]+|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)


def mask_blocks(text: str, mask: str) -> str:
    """Return ``text`` with ``mask`` for each private key in ASCII armour."""
    return _BLOCK.sub(mask, text)


def mask_tokens(text: str, mask: str) -> str:
    """Return ``text``, which has a long word, with ``mask`` for each token and hashed password."""
    for mark, form in _MARKED:
        if mark in text:
            text = re.sub(form, mask, text)
    return _token("\\" in text or "%" in text).sub(
        lambda found: mask if _is_token(found[0]) else found[0], text
    )


def _is_token(text: str) -> bool:
    return text.startswith(_sure()) or looks_drawn(text)


@lru_cache(maxsize=1)
def _sure() -> tuple[str, ...]:
    """Return the prefixes that do not occur in names of files."""
    whole = [prefix for prefix, _ in _WHOLE if len(prefix) > 1 or not prefix.isalpha()]
    return (*whole, *(p for *_, is_drawn, some in _PREFIXES if not is_drawn for p in some.split()))


SHORTEST_TOKEN = 16  # characters
_LONG_WORD = re.compile(rf"\S{{{SHORTEST_TOKEN}}}")


def may_hold_token(text: str) -> bool:
    """Return whether a word is long enough, and contains a run that is no number or plain word."""
    if _LONG_WORD.search(text) is None:
        return False
    for run in _RUN.findall(text):
        if not run.isdigit() and not (run.isalpha() and run[1:].islower()):
            return True
    return False


@lru_cache(maxsize=2)
def _token(is_escaped: bool) -> re.Pattern[str]:
    """Return one expression for all tokens, compiled at the first long text.

    In an escaped text a token may follow the letter of an escape, such as of a newline. The
    expression is grouped by first letters, so that one letter decides at nearly all places.
    """
    forms = [(one, f"{tail}{{{n},}}") for tail, n, _, some in _PREFIXES for one in some.split()]
    by_letter: dict[str, dict[str, list[str]]] = {}
    for prefix, tail in (*_WHOLE, *forms):
        tails = by_letter.setdefault(prefix[0], {})
        tails.setdefault(tail, []).append(re.escape(prefix[1:]))
    branches = [
        f"{re.escape(letter)}(?:"
        + "|".join(
            f"(?:{'|'.join(sorted(rests, reverse=True))}){tail}" for tail, rests in tails.items()
        )
        + ")"
        for letter, tails in by_letter.items()
    ]
    before = _APART if is_escaped else r"(?<![A-Za-z0-9])"
    return re.compile(f"{before}(?:{'|'.join(branches)})")


_RUN = re.compile(r"[A-Za-z0-9]{8,}")
_MANY_CHANGES = 3
_DIGIT_BESIDE_LETTER = re.compile(r"(?<=[0-9])[A-Za-z]|(?<=[A-Za-z])[0-9]")


def looks_drawn(text: str) -> bool:
    """Return whether a part looks random: digits among letters, or capitals at any place."""
    for run in _RUN.findall(text):
        changes = len(_DIGIT_BESIDE_LETTER.findall(run))
        capitals = sum(letter.isupper() for letter in run)
        letters = sum(letter.isalpha() for letter in run)
        is_mixed = 0.2 * letters < capitals < 0.8 * letters
        if changes >= _MANY_CHANGES or (is_mixed and (changes or len(run) >= SHORTEST_TOKEN)):
            return True
    return False
