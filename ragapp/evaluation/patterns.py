"""Sentence -> what can be asked of it without a model: definitions and numbers, in two languages.

A pattern takes only what it can turn into a whole question; most sentences give none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ENGLISH_DEFINITION = re.compile(
    r"^(?:(?P<article>The|An?) )?(?P<subject>(?:(?<=e |A |n )[a-z][\w’'\-]* )?"
    r"(?:[A-Z]|(?<=[a-z] )[a-z])[\w’'\-]*(?: [\w’'\-]+){0,3}?)"
    r" (?P<verb>is|are|was|were) (?P<answer>(?:an?|the|one of) [^.!?\n]{8,160})[.]$"
)
_ENGLISH_NO_SUBJECT = re.compile(
    r"^(?:it|its|this|that|these|those|he|she|they|there|we|you|i|what|who|which|where|when|here"
    r"|one|such|each|another|all|some|many|most|both|our|your|their|his|her|if|as|in|on|at|for|by"
    r"|but|and|or|so|also|then|the|an?|first|second|third|fourth|fifth|last|next|other|same|only"
    r"|rest|result|reason|cause|year|question|answer|problem)\b",
    re.IGNORECASE,
)
_UNIT = r"(?:%|°[CF]?|(?:[a-zA-Zµ²³]+/)?[a-zA-Zµ²³]+(?:/[a-zA-Z²³]+)?)"
_NO_UNIT = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|in|on|at|of|and|or|to|for|the|a|an|with|by|from|is|are|was|were|as|but|if|than|that)\b"
)
_NUMBER = r"\d[\d,]*+(?:\.\d++)?+"
_QUANTITY = rf"{_NUMBER}(?! ?{_NO_UNIT})(?: ?{_UNIT})?"
_ENGLISH_NUMBER = re.compile(
    r"^(?P<subject>(?:The|An?) [^,;:.!?\n]{3,60}?) (?P<verb>is|are|was|were|weighs|costs|takes)"
    rf" (?:about |at most |at least |up to |only |roughly )?(?P<answer>{_QUANTITY})\b"
)
_ENGLISH_FORMS = {
    "weighs": "How much does {} weigh?",
    "costs": "How much does {} cost?",
    "takes": "How long does {} take?",
}
_ENGLISH_AMOUNT = re.compile(
    r"\b(?:an?|the) (?P<subject>(?:[a-z\-]+ ){0,2}[a-z\-]{4,}) of"
    rf" (?P<answer>{_NUMBER}(?! ?{_NO_UNIT}) ?{_UNIT})"
)

_CHINESE_DEFINITION = re.compile(
    r"^(?P<subject>[\u4e00-\u9fffA-Za-z0-9·《》\-]{2,16}?)(?:（[^）]{1,40}）)?(?:是指|指的是|是)"
    r"(?P<answer>(?:(?<=指)|(?<=指的是)|一[种个座款项类家部位支本门条台名所篇])[^。！？\n]{4,80})[。；]"
)
_CHINESE_NO_SUBJECT = re.compile(
    r"^(?:这|那|它|他|她|其|该|此|我|你|您|本|如|若|但|而|因|所|有|也|每)|[不也就都还正只并即便仍的]$|^(?:时间|夜间|其中|一般)$"
)
_CHINESE_UNIT = (
    r"(?:平方米|立方米|米/秒|千米|公里|厘米|毫米|公斤|千克|毫克|万元|亿元|小时|分钟|个月|工作日|[%％℃]"
    r"|[米克吨元年月日天秒次人名台座岁度倍页层周])"
)
_CHINESE_NUMBER = re.compile(
    r"(?:^|[，；。：])(?P<subject>[\u4e00-\u9fff]{2,10}?)"
    r"(?:约为|定为|不得超过|不超过|不少于|不低于|达到|最多|至少|为|是|达|共)"
    rf"(?P<answer>[0-9０-９][0-9０-９.,]*(?: ?[a-zA-Z/²³%℃°]+|{_CHINESE_UNIT})"
    rf"|[一二三四五六七八九十百千万两]+{_CHINESE_UNIT})"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made of a sentence; `[start, end)` of the sentence is the answer.

    `subject` is the entity in `text` that a made-up one can replace, as it stands there.
    """

    text: str
    kind: str
    subject: str
    start: int
    end: int


def ask_of(sentence: str, title: str) -> Iterator[Asked]:
    """Yield what can be asked of a sentence of the document `title`."""
    for pattern, kind, form in _FORMS:
        for found in pattern.finditer(sentence):
            asked = form(found, title)
            if asked:
                text, subject = asked
                yield Asked(text, kind, subject, *found.span("answer"))


def _english_definition(found: re.Match[str], title: str) -> tuple[str, str] | None:
    subject = found["subject"]
    if _ENGLISH_NO_SUBJECT.match(subject):
        return None
    article = f"{found['article'].lower()} " if found["article"] else ""
    return f"What {found['verb']} {article}{subject}?", subject


def _english_number(found: re.Match[str], title: str) -> tuple[str, str] | None:
    article, _, noun = found["subject"].partition(" ")
    if _ENGLISH_NO_SUBJECT.match(noun):
        return None
    form = _ENGLISH_FORMS.get(found["verb"], f"What {found['verb']} {{}}?")
    return form.format(f"{article.lower()} {noun}"), noun


def _english_amount(found: re.Match[str], title: str) -> tuple[str, str] | None:
    asked = f"What figure does “{title}” give for the {found['subject']}?"
    return (asked, title) if title else None


def _chinese_definition(found: re.Match[str], title: str) -> tuple[str, str] | None:
    subject = found["subject"]
    return None if _CHINESE_NO_SUBJECT.search(subject) else (f"{subject}是什么？", subject)


def _chinese_number(found: re.Match[str], title: str) -> tuple[str, str] | None:
    subject = found["subject"]
    if not title or _CHINESE_NO_SUBJECT.search(subject):
        return None
    return f"《{title.strip('《》')}》中，{subject}是多少？", title.strip("《》")


_Form = Callable[[re.Match[str], str], tuple[str, str] | None]
_FORMS: tuple[tuple[re.Pattern[str], str, _Form], ...] = (
    (_ENGLISH_DEFINITION, "definition", _english_definition),
    (_ENGLISH_NUMBER, "number", _english_number),
    (_ENGLISH_AMOUNT, "number", _english_amount),
    (_CHINESE_DEFINITION, "definition", _chinese_definition),
    (_CHINESE_NUMBER, "number", _chinese_number),
)
