"""What kind of thing a question asks for, and whether a sentence names one: model-free.

Who wants a name, when a date, where a place, how many a number, why a reason; so do 谁, 什么时候,
哪里, 多少, 为什么. The patterns are loose on purpose: what a match is worth is fitted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ragapp.analysis import is_chinese

KINDS = ("quantity", "time", "person", "place", "reason")

_WHEN = (
    r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century|time)\b"
    r"|何[时時]|什[么麼][时時]候|哪[一]?[年天日月]|几[年月日号点]|幾[年月日號點]|[时時][间間]|年[份代]"
)
_HOW_MANY = (
    r"\bhow (?:many|much|long|often|far|high|low|old|big|large|tall|deep|fast|heavy|wide|soon"
    r"|late)\b"
    r"|\bwhat (?:percentage|percent|number|age|speed|temperature|price|cost|population)\b"
    r"|多少|几|幾|多[长長久大高远遠深重快宽]"
)
_ASKS = {
    "quantity": re.compile(f"{_WHEN}|{_HOW_MANY}", re.IGNORECASE),
    "time": re.compile(_WHEN, re.IGNORECASE),
    "person": re.compile(
        r"\bwho(?:se|m)?\b|[谁誰]|哪[一]?[位个個]人|何人|哪位|什[么麼]人|名字", re.IGNORECASE
    ),
    "place": re.compile(
        r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|town|region|location|continent"
        r"|province|county|river|island)\b"
        r"|哪[里裡儿兒]|何[地处處]|什[么麼]地方|位[于於]"
        r"|哪[一]?[个個座]?(?:[国國城省市县縣区區州地镇鎮岛島])",
        re.IGNORECASE,
    ),
    "reason": re.compile(
        r"\bwhy\b|\bwhat (?:caused|reason)|[为為]什[么麼]|[为為]何|原因|因何", re.IGNORECASE
    ),
}
_NAMES_A = {
    "quantity": re.compile(
        r"\d|[零〇一二三四五六七八九十百千万萬两兩]+[年月日天周个個名次米元人台条條点點时時分秒小岁歲%％]"
        r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty"
        r"|hundred|thousand|once|twice|daily|weekly|monthly|yearly|annually|every"
        r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
        re.IGNORECASE,
    ),
    "time": re.compile(
        r"(?<!\d)(?:1\d{3}|20\d\d)(?!\d)|\d{1,2}:\d\d|\d\s?(?:[年月日号號世点點]|[ap]\.?m\b)"
        r"|世[纪紀]|[周週星][期一二三四五六日末]|\b(?:century|noon|midnight|daily|weekly|every)\b"
        r"|\b(?:January|February|March|April|May|June|July|August|September|October|November"
        r"|December|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?)\b"
    ),
    "place": re.compile(
        r"\b(?:in|at|near|of|from|on) (?:the )?[A-Z]"
        r"|[省市县縣区區国國州镇鎮村岛島路街山河湖]|位[于於]"
    ),
    "reason": re.compile(
        r"\b(?:because|due to|since|caused?|reasons?|as a result|so that|in order|owing"
        r"|therefore|led to)\b|因|由[于於]|所以|故|[导導]致|[为為]了|使得",
        re.IGNORECASE,
    ),
}
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w'’-]+")
_CHINESE_NAME = re.compile(
    r"[·•．]|[王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何高林罗羅郑鄭梁谢謝宋唐许許韩韓冯馮邓鄧曹彭"
    r"曾萧蕭田董袁潘蒋蔣蔡余杜叶葉程苏蘇魏吕呂丁任沈姚卢盧姜崔钟鐘谭譚陆陸汪范金石廖贾賈夏韦韋付方白邹鄒孟熊"
    r"秦邱江][\u4e00-\u9fff]{1,2}"
)


def wanted_by(question: str) -> Callable[[str], tuple[bool, ...]]:
    """Return what tells by KINDS whether a sentence names a thing of a kind that is asked for.

    >>> wanted_by("When was it built?")("It was built in 1987.")
    (True, True, False, False, False)
    """
    asked = {kind for kind, pattern in _ASKS.items() if pattern.search(question)}
    names = [_NAME, _CHINESE_NAME] if is_chinese(question) else [_NAME]
    known = question.casefold()

    def has(kind: str, sentence: str) -> bool:
        if kind != "person":
            return _NAMES_A[kind].search(sentence) is not None
        found = (name.group() for pattern in names for name in pattern.finditer(sentence))
        return any(name.casefold() not in known for name in found)

    return lambda sentence: tuple(kind in asked and has(kind, sentence) for kind in KINDS)
