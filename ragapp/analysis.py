"""Text -> search terms, in English and Chinese at once.

Both sides of a lexical match, the chunk and the question, go through the same steps: NFKC and
case folding; traditional characters are simplified; English words are stemmed (Snowball); Chinese,
Japanese and Korean runs give their characters and bigrams; numbers, versions and codes (`3.5`,
`wx-200`, `c++`) are kept whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from threading import Lock

import snowballstemmer

from ragapp.traditional import simplified

ANALYZER = "2"  # another whenever the same text gives other terms: stored ones are made anew then
MAX_QUERY_TERMS = 64
_LONGEST_WORD = 40
_CJK = (
    r"\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
    r"\U00020000-\U000323af"
)
_TOKEN = re.compile(
    rf"(?P<cjk>[{_CJK}]+)|(?P<word>[^\W_{_CJK}]+(?:[._\-/'’][^\W_{_CJK}]+)*(?:\+\+|#)?)"
)
_CJK_CHARACTER = re.compile(f"[{_CJK}]")
_LETTER = re.compile(r"[^\W\d_]")
# what is not seen within a word: soft hyphens, zero-width and direction marks, tag characters
_UNSEEN = re.compile(
    "[\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
_CLUSTER = re.compile(r".[\u0300-\u036f\u3099\u309a\uff9e\uff9f]*", re.DOTALL)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_PART = re.compile(r"\d+(?:\.\d+)*|[^\W\d_]+")
_STOP_WORDS = frozenset(
    "a about above after again all also am an and any are as at be because been before being "
    "below between both but by can could did do does doing done during each few for from "
    "further get gets got had has have having he her here hers him his how i if in into is it "
    "its itself just let me might more most must my no nor not now of off on once only or "
    "other our out over own please same shall she should so some such tell than that the "
    "their them then there these they this those through to too under until up upon us very "
    "was we were what when where whether which while who whom whose why will with within "
    "would you your many much long often s t".split()
)
_CJK_STOP = re.compile(
    "什么时候|为什么|有没有|是不是|能不能|可不可以|应该怎么|该怎么|怎么样|怎么办|多少钱"
    "|哪一|哪些|哪个|哪里|哪儿|哪年|哪所|哪家|哪位|哪座|哪部|哪种|哪天|哪项"
    "|多少|多长|多久|多大|多高|多远|多重|多快|多深|多宽|多厚|什么|怎么|怎样|如何|是否|请问"
    "|应该|应当|可以|可能|需要|必须|必需|最多|最少|至少|时候|东西|的话|如果|因为|所以|但是|以及|进行"
    "|我们|你们|他们|她们|它们|自己|一共|总共|大约|大概|通常|一般|具体|主要|分别|属于|称为|叫做"
    "|[谁吗呢吧啊呀的了是在和与或及被把从到由对于之其这那有为也就都而要会能几叫该我你您他她它以将让给向比很更最还又再已曾所者办]"
)


def terms_of(text: str) -> list[str]:
    """Return the terms of a chunk in order, with repetitions; a term holds no white space.

    >>> terms_of("Telescopes: 望远镜 WX-200")
    ['telescop', '望', '远', '镜', '望远', '远镜', 'wx-200', 'wx', '200']
    """
    return [term for token in _tokens(text) for term in _expand(token)]


def query_terms(text: str) -> list[str]:
    """Return the distinct terms of a question in order, function words left out.

    A question of nothing but function words keeps them. At most MAX_QUERY_TERMS are returned.
    """
    return (content_terms(text) or _distinct(terms_of(text)))[:MAX_QUERY_TERMS]


def content_terms(text: str) -> list[str]:
    """Return the distinct terms of a text in order but those of function words, maybe none."""
    informative = _CJK_STOP.sub(" ", _fold(text))
    return _distinct(
        term
        for token in _matches(informative)
        if _bare(token) not in _STOP_WORDS
        for term in _expand(token)
    )


def content_words(text: str) -> list[str]:
    """Return the distinct words of a text in order, function words left out, to be read.

    >>> content_words("Who built the Telescope? 望远镜是谁建造的？")
    ['built', 'telescope', '望远镜', '建造']
    """
    words = _matches(_CJK_STOP.sub(" ", _fold(text)))
    return _distinct(word for word in words if _bare(word) not in _STOP_WORDS)


def informative_terms(terms: Iterable[str]) -> list[str]:
    """Return `terms` without the single Chinese characters that a bigram of them already covers."""
    kept = list(terms)
    bigrams = [term for term in kept if len(term) == 2 and _CJK_CHARACTER.match(term)]
    covered = {character for bigram in bigrams for character in bigram}
    return [term for term in kept if term not in covered]


def weighted_coverage(weights: Mapping[str, float], text: str) -> float:
    """Return in [0, 1] the share of the terms' weight that stands in `text`; 0 for no terms."""
    total = sum(weights.values())
    present = set(terms_of(text))
    covered = sum(weight for term, weight in weights.items() if term in present)
    return covered / total if total else 0.0


def term_spans(text: str, terms: Container[str]) -> list[tuple[int, int]]:
    """Return where any of `terms` stands in `text`: disjoint spans [start, end), in order.

    A word is marked whole where one of its terms is among `terms`.

    >>> term_spans("Two ferries, 渡船", {"ferri", "渡"})
    [(4, 11), (13, 14)]
    """
    folded, places = _placed(text)
    found = [
        (token.start() + start, token.start() + end)
        for token in _TOKEN.finditer(folded)
        for start, end in _marked(token.group(), terms)
    ]
    spans: list[tuple[int, int]] = []
    for start, end in sorted((places[start][0], places[end - 1][1]) for start, end in found):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def cjk_share(text: str) -> float:
    """Return in [0, 1] the share of Chinese, Japanese and Korean characters among the letters."""
    n_cjk = len(_CJK_CHARACTER.findall(text))
    n_letters = len(_LETTER.findall(text))
    return n_cjk / n_letters if n_letters else 0.0


def is_chinese(text: str) -> bool:
    """Tell whether a question or answer is to be treated as Chinese rather than English."""
    n_words = len(re.findall(r"[A-Za-z]+", text))
    n_cjk = len(_CJK_CHARACTER.findall(text))
    return n_cjk > n_words


def _fold(text: str) -> str:
    return _THOUSANDS.sub("", _folded_characters(text))


def _folded_characters(text: str) -> str:
    if not text.isascii():
        text = simplified(unicodedata.normalize("NFKC", _UNSEEN.sub("", text)))
    return text.casefold()


def _placed(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the folded text, and for each of its characters the span of `text` it comes from."""
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    for cluster in _CLUSTER.finditer(text):
        piece = _folded_characters(cluster.group())
        pieces.append(piece)
        places += [cluster.span()] * len(piece)
    folded = "".join(pieces)
    commas = {comma.start() for comma in _THOUSANDS.finditer(folded)}
    kept = [i for i in range(len(folded)) if i not in commas]
    return "".join(folded[i] for i in kept), [places[i] for i in kept]


def _marked(token: str, terms: Container[str]) -> Iterator[tuple[int, int]]:
    if _CJK_CHARACTER.match(token):
        for n in (1, 2):
            for start in range(len(token) - n + 1):
                if token[start : start + n] in terms:
                    yield start, start + n
    elif any(term in terms for term in _expand(token)):
        yield 0, len(token)


def _tokens(text: str) -> Iterator[str]:
    return _matches(_fold(text))


def _matches(folded: str) -> Iterator[str]:
    return (match.group() for match in _TOKEN.finditer(folded))


def _expand(token: str) -> tuple[str, ...]:
    if _CJK_CHARACTER.match(token):
        return (*token, *(token[i : i + 2] for i in range(len(token) - 1)))
    return _word_terms(token)


@lru_cache(maxsize=100_000)
def _word_terms(word: str) -> tuple[str, ...]:
    word = _bare(word)
    if word.isascii() and word.isalpha():
        return (_stem(word),)
    parts = _PART.findall(word)
    if len(parts) < 2:
        return (word,)
    stems = tuple(_stem(part) if part.isascii() and part.isalpha() else part for part in parts)
    return (word, *stems)


_STEMMER = snowballstemmer.stemmer("english")
_STEMMER_LOCK = Lock()


def _bare(word: str) -> str:
    """Return a word without its possessive or short "is"."""
    return word.replace("’", "'").removesuffix("'s")


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    if len(word) > _LONGEST_WORD:  # no word of English, and the stemmer is quadratic
        return word
    with _STEMMER_LOCK:  # a stemmer keeps the word it works on
        return str(_STEMMER.stemWord(word))


def _distinct(terms: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(terms))
