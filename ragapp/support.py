"""Whether a sentence of a passage supports a sentence of an answer, and what speaks against it.

Most of the words must be there, and numbers, dates, negations and names must agree. Words alone
are no support: "rated for 35 bar" shares all but one of its words with "rated for 30 bar".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise

from ragapp.analysis import content_terms, informative_terms, terms_of
from ragapp.citing import verbatim
from ragapp.facts import dates, negations, normal, numbers
from ragapp.protocols import READABLE_COVERAGE, Embedder, Entailment, Vectors
from ragapp.sentences import split_sentences
from ragapp.statements import Objection
from ragapp.traditional import simplified
from ragapp.types import Hit

Similar = Callable[[str, str], float]

MIN_SHARE = 0.5  # of a sentence's telling words
MIN_SIMILAR_SHARE = 0.3  # where the embedder finds the two alike
MIN_COSINE = 0.75
MIN_ENTAILED = 0.8  # probability from which a model's word counts, for entailment and contradiction
_LONGEST_SWAP = 4  # tokens that may stand for each other in otherwise equal surroundings
_TOKEN = re.compile(r"[a-z0-9]+(?:['’.-][a-z0-9]+)*|[^\W_]", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w'’-])[A-Z][\w'’-]*\w")
# a capitalised word that begins a sentence may be any word, but before another one it is a name
_START = re.compile(r"^\W*[A-Z][\w'’-]*(?!\w|\s+[A-Z])")
_SENTENCE_WORDS = frozenset(
    "the a an this that these those it its he she they we you i there here in on at by for from of "
    "with as to and or but if when while after before during since until because although however "
    "according based yes no not all both each every some any one two three his her their our your "
    "my what which who where why how also then thus therefore additionally moreover".split()
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏"
    "魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵"
)
_CHINESE_NAME = re.compile(rf"[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}")


@dataclass(frozen=True, slots=True)
class Support:
    """A stretch [start, end) of a passage's text, the share of the sentence's words that it holds,
    and what it states otherwise; () where it supports the sentence.
    """

    start: int
    end: int
    share: float
    objections: tuple[Objection, ...]


def best_support(claim: str, hit: Hit, *, similar: Similar | None = None) -> Support:
    """Return the sentence of the passage, or the two beside each other, that best supports `claim`.

    Those without objections come first, then the larger share of words, then the shorter stretch.
    `similar` gives the cosine of two texts, for sentences said in other words.
    """
    span = verbatim(claim, hit)
    if span is not None:
        return Support(*span, 1.0, ())
    judged = [_judged(claim, hit, span, similar) for span in _stretches(hit.text)]
    return max(judged, key=_goodness, default=Support(0, 0, 0.0, ("words",)))


def likeness_by(embedder: Embedder) -> Similar:
    """Return the cosine of two texts by `embedder`, 0 where it does not read both.

    A text is embedded once, however often it is compared.
    """

    @cache
    def vector(text: str) -> Vectors | None:
        if embedder.coverage(text) < READABLE_COVERAGE:
            return None
        embedded: Vectors = embedder.embed_documents([text])[0]
        return embedded

    def similar(first: str, second: str) -> float:
        one, other = vector(first), vector(second)
        return 0.0 if one is None or other is None else float(one @ other)

    return similar


def weighed(
    claim: str, hits: Sequence[Hit], supports: Sequence[Support], entailment: Entailment
) -> list[Support]:
    """Return the supports, one a hit, as a model sees them that is asked once for all of them.

    A stretch that only lacks words supports the claim if it entails it, and one that supports it no
    longer does if it contradicts it. Another number, date, negation or name stays: it is not asked.
    """
    places = [
        place
        for place, found in enumerate(supports)
        if found.start < found.end and found.objections in ((), ("words",))
    ]
    if not places:
        return list(supports)
    premises = [hits[place].text[supports[place].start : supports[place].end] for place in places]
    scores = entailment.score(premises, [claim] * len(places))
    results = list(supports)
    for place, (entailed, contradicted) in zip(places, scores.tolist(), strict=True):
        if supports[place].objections and entailed >= MIN_ENTAILED:
            results[place] = replace(supports[place], objections=())
        elif not supports[place].objections and contradicted >= MIN_ENTAILED:
            results[place] = replace(supports[place], objections=("entailment",))
    return results


def objections(claim: str, evidence: str, *, context: str = "") -> tuple[Objection, ...]:
    """Return what `evidence` states otherwise than `claim`, words aside.

    Names may come from the `context` that the evidence stands in.

    >>> objections("The pump is rated for 35 bar.", "The pump is rated for 30 bar.")
    ('number',)
    """
    said, found = normal(simplified(claim)), normal(simplified(evidence))
    said_rest, said_dates = dates(said)
    found_rest, found_dates = dates(found)
    parts = {part for date in found_dates for part in date.split("-")}
    raised: list[Objection] = []
    if set(numbers(said_rest)) - set(numbers(found_rest)) - parts:
        raised.append("number")
    if not all(any(_is_same_day(date, other) for other in found_dates) for date in said_dates):
        raised.append("date")
    if _negates_otherwise(said, found):
        raised.append("negation")
    if _names_otherwise(claim, evidence, f"{evidence}\n{context}"):
        raised.append("name")
    return tuple(raised)


def _goodness(support: Support) -> tuple[bool, float, int]:
    return not support.objections, support.share, support.start - support.end


def _judged(claim: str, hit: Hit, span: tuple[int, int], similar: Similar | None) -> Support:
    evidence = hit.text[span[0] : span[1]]
    context = f"{hit.title}\n{hit.heading}\n{hit.text}"
    share = _share(claim, evidence, f"{hit.title}\n{hit.heading}")
    raised = objections(claim, evidence, context=context)
    is_enough = share >= MIN_SHARE or (
        similar is not None
        and share >= MIN_SIMILAR_SHARE
        and similar(claim, evidence) >= MIN_COSINE
    )
    return Support(*span, share, raised if is_enough else (*raised, "words"))


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    spans = split_sentences(text)
    yield from spans
    for first, second in pairwise(spans):
        yield first[0], second[1]


def _share(claim: str, evidence: str, headings: str) -> float:
    """Return the share of the claim's telling terms that stand in the evidence; headings count too.

    1.0 for a claim without any.
    """
    wanted = set(informative_terms(content_terms(claim)))
    held = set(terms_of(evidence)) | set(terms_of(headings))
    return len(wanted & held) / len(wanted) if wanted else 1.0


def _is_same_day(said: str, found: str) -> bool:
    """Tell whether a date agrees with another one, as far as the first goes: its day may be 0."""
    year, month, day = said.split("-")
    return found.startswith(f"{year}-{month}-") and day in ("0", found.rpartition("-")[2])


def _negates_otherwise(said: str, found: str) -> bool:
    """Tell whether one text negates what the other states, or where the other never negates."""
    said_negated, found_negated = set(negations(said)), set(negations(found))
    said_words, found_words = set(_tokens(said)), set(_tokens(found))
    if said_negated and not found_negated:
        return True
    return bool(
        (said_negated - found_negated) & found_words or (found_negated - said_negated) & said_words
    )


def _names_otherwise(claim: str, evidence: str, context: str) -> bool:
    known = set(_tokens(context.casefold()))
    if any(not set(_tokens(name)) <= known for name in _names(_START.sub("", claim))):
        return True
    names = _names(claim) | _names(evidence)
    sentences = (evidence[start:end] for start, end in split_sentences(evidence))
    return any(_swaps_a_name(claim, sentence, names) for sentence in sentences)


def _names(text: str) -> set[str]:
    """Return the capitalised words, case folded, but those that begin a sentence as words do."""
    found = (name.casefold().removesuffix("'s").removesuffix("’s") for name in _NAME.findall(text))
    return {name for name in found if name not in _SENTENCE_WORDS}


def _swaps_a_name(claim: str, evidence: str, names: set[str]) -> bool:
    """Tell whether, in otherwise equal surroundings, one name stands where another should."""
    said, found = _tokens(simplified(claim).casefold()), _tokens(simplified(evidence).casefold())
    matcher = SequenceMatcher(None, said, found, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "replace" and j - i <= _LONGEST_SWAP and m - k <= _LONGEST_SWAP:
            one, other = said[i:j], found[k:m]
            if names & set(one) and names & set(other):
                return True
            if _is_chinese_name(said, i, j) and _is_chinese_name(found, k, m):
                return True
    return False


def _is_chinese_name(tokens: Sequence[str], start: int, end: int) -> bool:
    """Tell whether the characters, or they with the one before them, are a person's name."""
    return any(
        _CHINESE_NAME.fullmatch("".join(tokens[begin:end]))
        for begin in (start, start - 1)
        if begin >= 0
    )


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)
