"""The words of an ingestion's report, in English and Chinese side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from ingest.outcomes import OutcomeName

Language = Literal["en", "zh"]


class Words(NamedTuple):
    """One text in both languages; ``{n}`` and the like stand for what is put in."""

    en: str
    zh: str


def say(words: Words, language: Language, **values: object) -> str:
    """Return the text in `language` with the values in their places."""
    return (words.zh if language == "zh" else words.en).format(**values)


def name_of(kind: str, language: Language) -> str:
    """Return the name of a kind of finding, the kind itself where it has no other name."""
    return say(KINDS[kind], language) if kind in KINDS else kind.replace("_", " ")


def listed(counts: Mapping[str, int], language: Language) -> str:
    """Return counts by kind as one text, the most frequent first.

    >>> listed({"email": 2, "phone": 3}, "en")
    'phone number 3, e-mail address 2'
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return COMMA[language].join(f"{name_of(kind, language)} {n:,}" for kind, n in ordered)


COMMA: dict[Language, str] = {"en": ", ", "zh": "，"}
SEMICOLON: dict[Language, str] = {"en": "; ", "zh": "；"}

OUTCOMES: dict[OutcomeName, Words] = {
    "added": Words("added", "已添加"),
    "updated": Words("updated", "已更新"),
    "duplicate": Words("duplicate", "重复"),
    "skipped": Words("skipped", "已跳过"),
    "failed": Words("failed", "失败"),
}
FAILURES = {
    "unreadable": Words("cannot be read", "无法读取"),
    "encrypted": Words("protected by a password", "有密码保护"),
    "corrupt": Words("damaged", "文件已损坏"),
    "no_text": Words("holds no text", "不含文字"),
    "unsupported": Words("format not supported", "不支持的格式"),
    "too_large": Words("too large", "文件过大"),
    "policy": Words("kept out by a policy", "按策略未收录"),
}
FAILURE_ELSE = Words("this did not work", "操作未成功")
CODED_REASON = Words("{name} ({reason})", "{name} ({reason})")

UNCHANGED = Words("unchanged", "没有变化")
SAME_TEXT = Words("same text as before", "文本与之前相同")
EXACT = Words("same text as {source}", "文本相同：{source}")
NEAR = Words("nearly the same text as {source}", "文本几乎相同：{source}")
REVISION = Words("a revision of {source}", "另一版本：{source}")
PARTIAL = Words(
    "partial: {n} of {total} pages cannot be read", "不完整：{total} 页中有 {n} 页无法读取"
)

PAGES_WITHOUT_TEXT = Words(
    "without text: {n:,} of {total:,} pages ({pages})",
    "{total:,} 页中有 {n:,} 页没有文字（{pages}）",
)
GARBLED = Words("{share:.1%} of the text is garbled", "{share:.1%} 的文字是乱码")
ENCODING_GUESSED = Words("encoding guessed: {encoding}", "编码为推测：{encoding}")
INSTRUCTIONS = Words("instructions to a model: {listed}", "含有写给模型的指令：{listed}")
HIDDEN = Words("characters that no reader sees: {n:,}", "有 {n:,} 个读者看不到的字符")
CHARACTERS = Words("odd characters: {listed}", "异常字符：{listed}")
MASKED = Words("masked: {listed}", "已屏蔽：{listed}")
FLAGGED = Words("flagged: {listed}", "已标记：{listed}")
RECOGNISED = Words(
    "pages by text recognition: {n:,}, confidence {share:.0%}",
    "{n:,} 页由文字识别得到，置信度 {share:.0%}",
)
RUNNING_LINES = Words("running heads and feet removed: {n:,} lines", "已去除页眉页脚 {n:,} 行")
LANGUAGE_UNTOLD = Words("language unknown", "语言未知")

SEEN = Words("seen {n:,}: {counts}", "共 {n:,} 个文件：{counts}")
CHUNKS = Words(
    "{new:,} chunks embedded, {reused:,} reused", "新嵌入 {new:,} 个片段，复用 {reused:,} 个"
)
REMOVED = Words("{n:,} removed", "移除 {n:,} 个")
SECONDS = Words("{n:.1f} s", "{n:.1f} 秒")
NEED_A_LOOK = Words("{n:,} files need a look: {names}", "{n:,} 个文件需要查看：{names}")
NEEDS_A_LOOK = Words("1 file needs a look: {names}", "1 个文件需要查看：{names}")
AND_MORE = Words("and {n:,} more", "另有 {n:,} 个")
MASKED_IN_ALL = Words("masked (in files: {n:,}): {listed}", "{n:,} 个文件中已屏蔽：{listed}")
FLAGGED_IN_ALL = Words("flagged (in files: {n:,}): {listed}", "{n:,} 个文件中已标记：{listed}")
INSTRUCTIONS_IN_ALL = Words(
    "instructions to a model (in files: {n:,}): {listed}",
    "{n:,} 个文件中含有写给模型的指令：{listed}",
)
DUPLICATES_IN_ALL = Words(
    "duplicates: {exact:,} exact, {near:,} near; revisions: {revision:,}",
    "重复：完全相同 {exact:,}，几乎相同 {near:,}；另一版本 {revision:,}",
)
UNREAD = Words(
    "warning: the embedder {unread.embedder} cannot read {unread.language}, the language of "
    "{unread.share:.0%} of the chunks (it knows {unread.known:.0%} of their tokens): they are "
    "found by full text alone. Set embedder = {readers} in ragapp.toml, then run: ragapp reindex",
    "警告：嵌入模型 {unread.embedder} 读不懂 {unread.language}，而 {unread.share:.0%} 的文段使用"
    "这种语言（其中的词元它只认识 {unread.known:.0%}），这些文段只能靠全文检索找到。"
    "请在 ragapp.toml 中设置 embedder = {readers}，再运行：ragapp reindex",
)

TITLE = Words("Ingestion report", "导入报告")
MADE_AT = Words("Made on {day}", "生成于 {day}")
TOTALS = Words("Totals", "总计")
LOOK_TITLE = Words("Files that need a look", "需要查看的文件")
ALL_TITLE = Words("All files", "全部文件")
NO_FILES = Words("No files were found.", "没有找到文件。")
NOTHING_TO_LOOK_AT = Words("No file needs a look.", "没有需要查看的文件。")
COLUMNS = (
    Words("File", "文件"),
    Words("Outcome", "结果"),
    Words("Remarks", "说明"),
    Words("Language", "语言"),
    Words("Pages", "页数"),
    Words("Chunks", "片段"),
    Words("Encoding", "编码"),
)

KINDS = {
    "email": Words("e-mail address", "电子邮箱"),
    "phone": Words("phone number", "电话号码"),
    "resident_id": Words("resident ID number", "身份证号"),
    "card": Words("card number", "银行卡号"),
    "iban": Words("IBAN", "国际银行账号"),
    "ssn": Words("social security number", "社会保障号"),
    "credit_code": Words("credit code", "统一社会信用代码"),
    "password": Words("password", "密码"),
    "private_key": Words("private key", "私钥"),
    "bearer_token": Words("bearer token", "访问令牌"),
    "word": Words("listed word", "词表中的词"),
    "garbled": Words("garbled", "乱码"),
    "repetition": Words("repetition", "大量重复"),
    "override": Words("override", "推翻原有指令"),
    "persona": Words("persona", "改变角色"),
    "reveal": Words("reveal the prompt", "套取提示词"),
    "exfiltrate": Words("send data out", "外传数据"),
    "conceal": Words("conceal", "隐瞒用户"),
    "addressed": Words("addressed to a model", "直接写给模型"),
    "role_marker": Words("role marker", "对话角色标记"),
    "smuggled": Words("smuggled in unseen characters", "藏在不可见字符中"),
    "hidden": Words("hidden text", "隐藏文字"),
    "bidi": Words("direction mark", "书写方向标记"),
    "control": Words("control", "控制字符"),
    "full_width": Words("full-width", "全角"),
    "half_width": Words("half-width", "半角"),
    "invalid": Words("invalid", "无效字符"),
    "ligature": Words("ligature", "连字"),
    "private_use": Words("private use", "私用区字符"),
    "replacement": Words("lost (U+FFFD)", "丢失的字符（U+FFFD）"),
    "soft_hyphen": Words("soft hyphen", "软连字符"),
    "tag": Words("tag", "标签字符"),
    "zero_width": Words("zero-width", "零宽字符"),
}
