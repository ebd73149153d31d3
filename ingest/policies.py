"""What becomes of personal data, secrets, listed words, foreign languages and junk.

Applied to clean pages, before anything is stored or embedded. Each policy is "off" (not looked
for), "flag" (counted), "mask" (counted, and a label put in its place) or "skip" (the file is not
taken). Findings may reach across blocks and pages.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Literal

from ingest.findings import Finding, counted, merged
from ingest.junk import measure_junk
from ingest.language import detect_language
from ingest.pages import Block, Page
from ingest.personal_data import find_personal_data
from ingest.secrets_in_text import find_secrets
from ingest.word_list import find_words, read_word_list
from ragapp.errors import ReadError, UsageError

Policy = Literal["off", "flag", "mask", "skip"]
JunkPolicy = Literal["off", "flag", "skip"]

_SEPARATOR = "\n\n"
_LANGUAGE = re.compile(r"[a-z]{2,3}|zh-Han[st]")
_ENGLISH = {
    "email": "[EMAIL]",
    "phone": "[PHONE]",
    "resident_id": "[ID NUMBER]",
    "card": "[CARD NUMBER]",
    "iban": "[IBAN]",
    "ssn": "[SSN]",
    "credit_code": "[CREDIT CODE]",
    "password": "[PASSWORD]",
    "private_key": "[PRIVATE KEY]",
    "word": "[REDACTED]",
}
_SIMPLIFIED = {
    "email": "[电子邮箱]",
    "phone": "[电话号码]",
    "resident_id": "[身份证号]",
    "card": "[银行卡号]",
    "iban": "[银行账号]",
    "ssn": "[社会保障号]",
    "credit_code": "[统一社会信用代码]",
    "password": "[密码]",
    "private_key": "[私钥]",
    "word": "[已屏蔽]",
}
_TRADITIONAL = {
    "email": "[電子郵箱]",
    "phone": "[電話號碼]",
    "resident_id": "[身份證號]",
    "card": "[銀行卡號]",
    "iban": "[銀行賬號]",
    "ssn": "[社會保障號]",
    "credit_code": "[統一社會信用代碼]",
    "password": "[密碼]",
    "private_key": "[私鑰]",
    "word": "[已屏蔽]",
}
_LABELS = {
    "zh": (_SIMPLIFIED, "[密钥]"),
    "zh-Hans": (_SIMPLIFIED, "[密钥]"),
    "zh-Hant": (_TRADITIONAL, "[密鑰]"),
}
_LABELS_ELSE = (_ENGLISH, "[SECRET]")


class PolicySkip(ReadError):  # noqa: N818  an outcome by the user's own wish
    """A file that a policy keeps out. The message names what was found, never the text."""

    code = "policy"


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a run.

    `languages` are those to keep ("en", "zh" for both scripts, "zh-Hans", "zh-Hant", ...); empty
    means all. A text whose language cannot be told is kept. Raises UsageError for a word list that
    is asked for but not named, and for a language that is no code; `recipe` raises it for a list
    that cannot be used.
    """

    personal_data: Policy = "off"
    secrets: Policy = "off"
    word_list: Policy = "off"
    word_list_file: Path | None = None
    languages: tuple[str, ...] = ()
    junk: JunkPolicy = "off"

    def __post_init__(self) -> None:
        if self.word_list != "off" and self.word_list_file is None:
            raise UsageError(
                f"the policy word_list = {self.word_list!r} needs a word list",
                hint="name a file of regular expressions, one a line",
            )
        for language in self.languages:
            if not _LANGUAGE.fullmatch(language):
                raise UsageError(
                    f"{language!r} is no language code",
                    hint="write codes with commas between them, as en,zh or zh-Hans,fr",
                )

    @property
    def recipe(self) -> str:
        """Names the policies in a few characters: equal names give equal pages.

        Raises UsageError for a word list that cannot be used.
        """
        values = [str(getattr(self, item.name)) for item in fields(self)]
        values += [pattern.pattern for pattern in _words(self)]
        return sha256("\0".join(values).encode(errors="surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Filtered:
    """The pages to store, and how often each kind was found, flagged and masked ones together.

    `masked` are those of the findings that were masked.
    """

    pages: tuple[Page, ...]
    findings: Mapping[str, int] = field(default_factory=dict)
    masked: Mapping[str, int] = field(default_factory=dict)


def apply(pages: Sequence[Page], policies: Policies) -> Filtered:
    """Return the pages with what is to be masked replaced by labels such as "[EMAIL]".

    The label's language is that of the text. The pages' metadata (a title, say) is masked too.
    Raises PolicySkip where a policy says "skip" and something was found, or for a language that is
    not to be kept.
    """
    blocks = [block for page in pages for block in page.blocks]
    texts = [block.text for block in blocks]
    metadata = [value for page in pages for value in page.metadata.values()]
    text = _SEPARATOR.join([*texts, *metadata])
    body = text[: sum(map(len, texts)) + len(_SEPARATOR) * (len(texts) - 1)] if texts else ""
    if policies.languages:
        _check_language(detect_language(body), policies)
    found = {name: _found(name, text, policies) for name in ("personal_data", "secrets", "words")}
    junk = dict.fromkeys(measure_junk(body).kinds, 1) if policies.junk != "off" else {}
    _check_skips(found, junk, policies)
    findings = counted(item for items in found.values() for item in items) | junk
    to_mask = [
        item for name, items in found.items() if _policy(name, policies) == "mask" for item in items
    ]
    if not to_mask:
        return Filtered(tuple(pages), findings)
    rest = iter(_masked([*texts, *metadata], merged(to_mask), detect_language(body)))
    new_texts = [next(rest) for _ in texts]
    return Filtered(tuple(_rebuilt(pages, new_texts, list(rest))), findings, counted(to_mask))


def _check_language(language: str, policies: Policies) -> None:
    family = language.partition("-")[0]
    wanted = set(policies.languages)
    is_undecided_chinese = language == "zh" and bool(wanted & {"zh-Hans", "zh-Hant"})
    is_kept = language == "und" or bool(wanted & {language, family}) or is_undecided_chinese
    if wanted and not is_kept:
        raise PolicySkip(
            f"its language is {language!r}, kept are {', '.join(sorted(wanted))}",
            hint="add the language to the setting policy_languages to keep it",
        )


def _policy(name: str, policies: Policies) -> Policy:
    choices: dict[str, Policy] = {
        "personal_data": policies.personal_data,
        "secrets": policies.secrets,
        "words": policies.word_list,
    }
    return choices[name]


def _found(name: str, text: str, policies: Policies) -> list[Finding]:
    if _policy(name, policies) == "off":
        return []
    if name == "words":
        return find_words(text, _words(policies))
    return find_personal_data(text) if name == "personal_data" else find_secrets(text)


def _check_skips(
    found: Mapping[str, Sequence[Finding]], junk: Mapping[str, int], policies: Policies
) -> None:
    unwanted = {
        kind: n
        for name, items in found.items()
        if _policy(name, policies) == "skip"
        for kind, n in counted(items).items()
    }
    listed = [f"{kind} ({n} times)" if n > 1 else f"{kind} (once)" for kind, n in unwanted.items()]
    if policies.junk == "skip":
        listed += list(junk)
    if listed:
        raise PolicySkip(
            f"kept out by policy: {', '.join(listed)}",
            hint='set the policy to "mask" or "flag" to take the file',
        )


def _masked(texts: Sequence[str], findings: Sequence[Finding], language: str) -> list[str]:
    """Return the texts with each finding's label where it begins, and the rest of it left out.

    The findings' offsets are those of the texts joined by _SEPARATOR.
    """
    starts = [0, *accumulate(len(text) + len(_SEPARATOR) for text in texts)]
    parts: list[list[str]] = [[] for _ in texts]
    places = [0] * len(texts)
    for finding in findings:
        first = bisect_right(starts, finding.start) - 1
        last = bisect_right(starts, finding.end - 1) - 1
        for i in range(first, min(last, len(texts) - 1) + 1):
            begin = max(0, finding.start - starts[i])
            kept = texts[i][places[i] : begin]
            parts[i] += [kept, _label(finding.kind, language) if i == first else ""]
            places[i] = max(places[i], min(len(texts[i]), finding.end - starts[i]))
    return [
        "".join([*part, text[place:]])
        for part, text, place in zip(parts, texts, places, strict=True)
    ]


def _label(kind: str, language: str) -> str:
    labels, secret = _LABELS.get(language, _LABELS_ELSE)
    return labels.get(kind, secret)


def _rebuilt(pages: Sequence[Page], texts: Sequence[str], metadata: Sequence[str]) -> list[Page]:
    """Return the pages with new texts; blocks of which nothing is left are dropped."""
    block_texts, values = iter(texts), iter(metadata)
    rebuilt = []
    for page in pages:
        blocks = [replace(block, text=next(block_texts)) for block in page.blocks]
        named = {key: next(values) for key in page.metadata}
        rebuilt.append(replace(page, blocks=tuple(filter(_is_left, blocks)), metadata=named))
    return rebuilt


def _is_left(block: Block) -> bool:
    return bool(block.text.strip())


def _words(policies: Policies) -> list[re.Pattern[str]]:
    path = policies.word_list_file
    if policies.word_list == "off" or path is None:
        return []
    return _read_words(path, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=8)
def _read_words(path: Path, mtime_ns: int) -> list[re.Pattern[str]]:
    """Return the word list of one state of the file."""
    assert mtime_ns >= 0
    return read_word_list(path)
