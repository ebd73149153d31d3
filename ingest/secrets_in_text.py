"""Text -> where keys, tokens and passwords stand in it. Pure.

Tokens are told by the prefixes that their makers give them; a password by what it is assigned to.
A value that is a placeholder, a variable or prose is none. All patterns are bounded or possessive,
so the search is linear on its worst input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ingest.findings import Finding, half_width, merged

MAX_PRIVATE_KEY_CHARACTERS = 20_000
MIN_TOKEN_DIGITS = 2

_START = r"(?<![A-Za-z0-9_-])"
_END = r"(?![A-Za-z0-9])"
_TOKENS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(f"{_START}(?:{form})"))
    for kind, form in (
        ("aws_key", rf"(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{{16}}{_END}"),
        ("gcp_key", rf"AIza[\w-]{{35}}{_END}|GOCSPX-[\w-]{{28}}{_END}|ya29\.[\w-]{{20,500}}+"),
        ("github_token", r"gh[pousr]_[A-Za-z0-9]{36,255}+|github_pat_[A-Za-z0-9_]{50,255}+"),
        ("gitlab_token", r"glpat-[\w-]{20,255}+"),
        ("slack_token", r"xox[abeoprs]-[A-Za-z0-9-]{10,255}+|xapp-\d-[A-Za-z0-9-]{20,255}+"),
        ("stripe_key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}+"),
        ("hugging_face_token", r"hf_[A-Za-z0-9]{30,255}+"),
        ("jwt", r"eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]{8,}+"),
        ("model_key", r"sk-(?:(?:proj|ant|or|svcacct)-)?[A-Za-z0-9_-]{20,255}+"),
    )
)
_SLACK_HOOK = re.compile(r"hooks\.slack\.com/services/(T\w{6,20}/B\w{6,20}/\w{16,64})", re.ASCII)
_BEARER = re.compile(r"(?i:(?<![a-z])bearer )([A-Za-z0-9._~+/-]{20,2000}+)")
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_URL_PASSWORD = re.compile(r"://[^\s:/@]{1,64}:([^\s:/@]{3,128})@")
_ASSIGNMENT = re.compile(
    r"(?:(?i:passwords?|passwd|passphrase|pwd|secret|api[_-]?key|apikey|access[_-]?token"
    r"|auth[_-]?token|secret[_-]?key|client[_-]?secret|private[_-]?key|secret[_-]access[_-]key"
    r"|account[_-]?key)|密码|密碼|口令|密钥|密鑰)"
    r"[\"'`]?[ \t]{0,3}(?P<sign>:=|=>|[=:]|是|为|為)[ \t]{0,3}"
    r"(?:[\"'`](?P<quoted>[!#-&(-_a-~]{6,200})[\"'`]|(?P<bare>[!#-&(-+\--:<-_a-~]{6,200}))"
)
_PLACEHOLDER = re.compile(
    r"(?i:<|\$|%|\{|\[|\(|\*+|x{3,}|\.{3}|your|my[_-]?|example|change|placeholder|redacted|none\b|null\b"
    r"|true\b|false\b|process\.env|os\.|env\.|settings\.|config\.|self\.|https?:)"
)


def find_secrets(text: str) -> list[Finding]:
    """Return where secrets stand, in order, none overlapping.

    Kinds: "private_key", "password", "bearer_token" and one for each maker of tokens, such as
    "aws_key", "github_token", "slack_token", "model_key" (OpenAI and its like) and "jwt". The
    span of a password is the password alone.
    """
    folded = half_width(text)
    return merged([*_private_keys(folded), *_tokens(folded), *_passwords(folded)])


def _private_keys(text: str) -> Iterator[Finding]:
    """Yield each key from BEGIN to END; one without END reaches to the next, or the limit."""
    begins = [match.start() for match in _PRIVATE_KEY.finditer(text)]
    for begin, following in pairwise([*begins, len(text)]):
        limit = min(following, begin + MAX_PRIVATE_KEY_CHARACTERS)
        end = _KEY_END.search(text, begin, limit)
        yield Finding("private_key", begin, end.end() if end else limit)


def _tokens(text: str) -> Iterator[Finding]:
    for kind, pattern in _TOKENS:
        for match in pattern.finditer(text):
            if kind != "model_key" or _is_random(match.group()):
                yield Finding(kind, match.start(), match.end())
    for match in _SLACK_HOOK.finditer(text):
        yield Finding("slack_token", match.start(1), match.end(1))
    for match in _BEARER.finditer(text):
        if _is_random(match.group(1)):
            yield Finding("bearer_token", match.start(1), match.end(1))


def _passwords(text: str) -> Iterator[Finding]:
    for match in _ASSIGNMENT.finditer(text):
        group = "quoted" if match["quoted"] else "bare"
        value = match[group].rstrip(".") if group == "bare" else match[group]
        is_word = group == "bare" or match["sign"] in ("是", "为", "為")
        if not _PLACEHOLDER.match(value) and (not is_word or _is_no_word(value)):
            yield Finding("password", match.start(group), match.start(group) + len(value))
    for match in _URL_PASSWORD.finditer(text):
        if not _PLACEHOLDER.match(match.group(1)):
            yield Finding("password", match.start(1), match.end(1))


def _is_no_word(value: str) -> bool:
    """Tell a bare password from prose and code: letters and digits, and no call or index."""
    has_both = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return has_both and len(value) >= 6 and not any(c in "()[]{}" for c in value)


def _is_random(token: str) -> bool:
    n_digits = sum(character.isdigit() for character in token)
    needed = 3 * MIN_TOKEN_DIGITS if token.islower() else MIN_TOKEN_DIGITS
    return n_digits >= needed and len(set(token)) >= 10
