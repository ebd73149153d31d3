"""Every text of the page that is ours, in English and Chinese side by side.

A label takes numbers only, so that no untrusted text reaches the screen through one.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

Language = Literal["en", "zh"]

LANGUAGE_NAMES: dict[Language, str] = {"en": "English", "zh": "中文"}
LANGUAGE_SELECTOR = "Language · 语言"


class Label(NamedTuple):
    """One text in both languages; ``{n}`` and the like stand for numbers."""

    en: str
    zh: str


class Say(Protocol):
    """Gives a label's text in the language in force."""

    def __call__(self, label: Label, **numbers: float) -> str:
        """Return the text with the numbers in their places."""


def say_in(language: Language) -> Say:
    """Return the function that gives labels in `language`.

    >>> say_in("en")(DOCUMENT_COUNT, n=1200)
    'Documents: 1,200'
    """

    def say(label: Label, **numbers: float) -> str:
        return (label.zh if language == "zh" else label.en).format(**numbers)

    return say


def language_of(say: Say) -> Language:
    """Return the language in which `say` gives labels."""
    return "zh" if say(ASK) == ASK.zh else "en"


def language_name(code: str, say: Say) -> str:
    """Return a document language's name where we have one, else its code."""
    return say(LANGUAGES[code]) if code in LANGUAGES else code


ASK = Label("Ask", "提问")
LIBRARY = Label("Library", "文档库")
INSPECT = Label("Inspect", "检视")
EVALUATE = Label("Evaluate", "评估")
ADD_FILES = Label("Add files", "添加文件")
HEALTH = Label("Health", "状态")

ASK_INTRO = Label(
    "Answers come from your documents alone, each with the passage it rests on.",
    "答案只来自您的文档，并附上所依据的原文。",
)
ASK_PLACEHOLDER = Label("Ask about your documents", "就您的文档提问")
NEW_CONVERSATION = Label("New conversation", "新对话")
CONVERSATIONS = Label("Conversations", "对话")
FIND_CONVERSATION = Label("Find a conversation", "查找对话")
THIS_CONVERSATION = Label("This conversation", "此对话")
RENAME = Label("Name", "名称")
RENAME_DO = Label("Rename", "重命名")
EXPORT_MARKDOWN = Label("Save as Markdown, with sources", "保存为 Markdown（含出处）")
EXPORT_JSON = Label("Save as JSON", "保存为 JSON")
DELETE_SURE = Label("Delete it for good", "永久删除")
DELETE_CONVERSATION = Label("Delete", "删除")
TURNS_DROPPED = Label(
    "The model was not shown the {n:,} oldest turns: they exceed its budget.",
    "模型未读取最早的 {n:,} 轮对话：超出其长度预算。",
)
SEARCHING = Label("Searching the documents…", "正在检索文档……")
STOP = Label("Stop", "停止")
STOPPED = Label("Stopped before the end.", "回答已中途停止。")
SOURCES = Label("Sources", "出处")
NEAREST = Label("Nearest passages", "最接近的段落")
UNSUPPORTED = Label(
    "No passage of the documents supports what is said here:",
    "以下内容没有文档段落支持：",
)
OBJECTIONS = {
    "number": Label("the passages state another number", "段落中的数字不同"),
    "date": Label("the passages state another date", "段落中的日期不同"),
    "negation": Label("the passages state the opposite", "段落的说法相反"),
    "name": Label("the passages name someone or something else", "段落中的名称不同"),
    "words": Label("too few of its words stand in a passage", "段落中几乎没有这些词"),
    "entailment": Label(
        "the passages contradict it, by the entailment model", "据蕴含模型判断，段落与此矛盾"
    ),
}
SHOW_ORIGINAL = Label("[{n}] on its page {page}", "[{n}] 原文第 {page} 页")
ORIGINAL = Label("In the original", "原文所在页")
WHOLE_PAGE = Label("The whole page", "整页")
OPENING_ORIGINAL = Label("Opening the page…", "正在打开页面……")
REFUSED = Label("Not in the documents", "文档中没有答案")
NO_CITATION = Label(
    "This answer cites no passage: check it against the passages below.",
    "此回答没有引用任何段落，请对照下列段落核实。",
)
EMPTY_COLLECTION = Label(
    "There are no documents yet. Add some, then ask about them.",
    "还没有文档。请先添加文件，然后提问。",
)
PAGE = Label("p. {n}", "第 {n} 页")
SOURCE = Label("Source", "来源")
HEADING = Label("Section", "章节")
ALSO_IN = Label("Also in", "另见")
NEARLY = Label("nearly the same words", "文字略有不同")
WARNING = Label("Warning", "警告")
OTHER_FACTS = Label("A revision states other facts", "修订版中的说法不同")
CONTRADICTED = Label("Stated otherwise elsewhere", "其他文档的说法与此矛盾")
HELPFUL = Label("Helpful", "有帮助")
NOT_HELPFUL = Label("Not helpful", "没有帮助")
COMMENT = Label("A comment, if you like", "可以留下意见（选填）")
HOLDS_INSTRUCTIONS = Label(
    "This document holds instructions to a language model; they were not followed.",
    "此文档中含有写给语言模型的指令，未予执行。",
)
TIMINGS = Label(
    "{total:.2f} s in all, {retrieve:.2f} s to find, {first_token:.2f} s to the first word",
    "共 {total:.2f} 秒，检索 {retrieve:.2f} 秒，首字 {first_token:.2f} 秒",
)
USAGE = Label(
    "{prompt:,} prompt tokens ({cached:,} cached), {new:,} new",
    "提示 {prompt:,} 个词元（缓存 {cached:,} 个），生成 {new:,} 个",
)

FILTERS = Label("Filters", "筛选")
FILTER_EXAMPLE = Label("e.g. reports/*", "例如 reports/*")
FILTER_SOURCE_HELP = Label(
    "A file, a folder and a file, or a pattern: * stands for any characters.",
    "文件名、文件夹加文件名，或模式：* 代表任意字符。",
)
ANY = Label("Any", "不限")
SINCE = Label("Dated from", "日期从")
UNTIL = Label("Dated until", "日期至")
SINCE_SHOWN = Label(
    "from {year:04d}-{month:02d}-{day:02d}", "从 {year:04d}-{month:02d}-{day:02d} 起"
)
UNTIL_SHOWN = Label("until {year:04d}-{month:02d}-{day:02d}", "至 {year:04d}-{month:02d}-{day:02d}")
CLEAR_FILTERS = Label("Clear filters", "清除筛选")
ONLY = Label("Searched only", "检索范围")
DATES_CROSSED = Label(
    "The first day lies after the last one: nothing passes.", "起始日期晚于截止日期，没有内容符合。"
)
NOTHING_PASSES = Label(
    "No passage passes the filters: widen or clear them.",
    "没有符合筛选条件的段落，请放宽或清除筛选。",
)

UPLOAD = Label("Files from this device", "本机上的文件")
UPLOAD_HELP = Label(
    "PDF, Word (.docx), HTML, Markdown or plain text, up to {n} MB each.",
    "PDF、Word（.docx）、HTML、Markdown 或纯文本，每个不超过 {n} MB。",
)
UPLOAD_DROP = Label("or drop files here", "或将文件拖放到此处")
UPLOAD_BUTTON = Label("Choose files", "选择文件")
ADD_UPLOADS = Label("Add these files", "添加这些文件")
FOLDER = Label("A folder or file on this machine", "这台机器上的文件夹或文件")
FOLDER_HELP = Label(
    "Its files are read where they lie. Patterns such as docs/**/*.md work too.",
    "文件在原处读取，也可使用 docs/**/*.md 之类的模式。",
)
ADD_FOLDER = Label("Add this folder", "添加此文件夹")
FOLDER_MISSING = Label("Type the path of a folder or file first.", "请先输入文件夹或文件的路径。")
READING = Label("Reading file {done:,} of {total:,}", "正在处理 {total:,} 个文件中的第 {done:,} 个")
READING_AT_RATE = Label(
    "Reading file {done:,} of {total:,} · {rate:.1f} MB/s, about {seconds:,} s left",
    "正在处理 {total:,} 个文件中的第 {done:,} 个 · {rate:.1f} MB/s，大约还需 {seconds:,} 秒",
)
STARTING = Label("Starting…", "正在开始……")
OUTCOMES = Label("What became of the files", "处理结果")
SECONDS = Label("{n:.1f} s", "{n:.1f} 秒")
SEEN = Label("Seen {n:,}", "共 {n:,} 个")
ADDED = Label("Added", "已添加")
UPDATED = Label("Updated", "已更新")
DUPLICATE = Label("Duplicate", "重复")
SKIPPED = Label("Skipped", "已跳过")
FAILED = Label("Failed", "失败")
COLUMN_FILE = Label("File", "文件")
COLUMN_OUTCOME = Label("Outcome", "结果")
COLUMN_REMARKS = Label("Remarks", "说明")
NO_FILES = Label("No files were found there.", "那里没有找到文件。")
GO_TO_ASK = Label("Ask about your documents", "就您的文档提问")
GO_TO_ADD_FILES = Label("Add files", "添加文件")

FILTER = Label("Filter by title or source", "按标题或来源筛选")
DOCUMENT_COUNT = Label("Documents: {n:,}", "文档：{n:,}")
FILTERED_COUNT = Label("Documents: {n:,} of {total:,}", "文档：{total:,} 中的 {n:,}")
NO_MATCH = Label("No document matches the filter.", "没有符合筛选条件的文档。")
COLUMN_TITLE = Label("Title", "标题")
COLUMN_SOURCES = Label("Sources", "来源")
COLUMN_FORMAT = Label("Format", "格式")
COLUMN_LANGUAGE = Label("Language", "语言")
COLUMN_PAGES = Label("Pages", "页数")
COLUMN_CHUNKS = Label("Chunks", "片段")
COLUMN_CHARACTERS = Label("Characters", "字符")
COLUMN_ADDED = Label("Added", "添加时间")
COLUMN_NEAR = Label("Near-duplicates", "近似文档")
COLUMN_REVISIONS = Label("Revisions", "修订版本")
LANGUAGE_EN = Label("English", "英文")
LANGUAGE_ZH = Label("Chinese", "中文")
LANGUAGE_ZH_HANS = Label("Chinese (simplified)", "简体中文")
LANGUAGE_ZH_HANT = Label("Chinese (traditional)", "繁体中文")
LANGUAGE_UND = Label("unknown", "未知")
LANGUAGES: dict[str, Label] = {
    "en": LANGUAGE_EN,
    "zh": LANGUAGE_ZH,
    "zh-Hans": LANGUAGE_ZH_HANS,
    "zh-Hant": LANGUAGE_ZH_HANT,
    "und": LANGUAGE_UND,
}
OPEN_DOCUMENT = Label("Open a document", "打开文档")
CHOOSE_DOCUMENT = Label("Choose a document", "选择一篇文档")
PART = Label("Part (1 to {n:,})", "部分（1 至 {n:,}）")
REMOVE = Label("Remove this document", "移除此文档")
REMOVE_QUESTION = Label(
    "Remove this document from the collection? Files of your own stay where they are; "
    "a copy made by uploading is deleted.",
    "要从文档库中移除此文档吗？您自己的文件保留在原处，上传时生成的副本将被删除。",
)
REMOVE_YES = Label("Yes, remove it", "确定移除")
REMOVE_NO = Label("Keep it", "保留")
REMOVED = Label("The document was removed.", "文档已移除。")

ERROR_ANY = Label("this did not work", "操作未成功")
ERROR_UNREADABLE = Label("cannot be read", "无法读取")
ERROR_ENCRYPTED = Label("protected by a password", "有密码保护")
ERROR_CORRUPT = Label("damaged", "文件已损坏")
ERROR_NO_TEXT = Label("holds no text", "不含文字")
ERROR_UNSUPPORTED = Label("format not supported", "不支持的格式")
ERROR_TOO_LARGE = Label("too large", "文件过大")
ERROR_NOT_FOUND = Label("not found", "没有找到")
ERROR_LOCKED = Label("another ingestion is at work", "另一项导入正在进行")
ERROR_DAMAGED = Label("the collection is damaged", "文档库已损坏")
ERROR_EMBEDDER = Label("made with another embedder", "文档库由另一个嵌入模型生成")
ERROR_MODEL_NOT_FOUND = Label("the model is not on this machine", "这台机器上没有该模型")
ERROR_SETTINGS = Label("a setting is wrong", "设置有误")

ERRORS: dict[str, Label] = {
    "unreadable": ERROR_UNREADABLE,
    "encrypted": ERROR_ENCRYPTED,
    "corrupt": ERROR_CORRUPT,
    "no_text": ERROR_NO_TEXT,
    "unsupported": ERROR_UNSUPPORTED,
    "too_large": ERROR_TOO_LARGE,
    "not_found": ERROR_NOT_FOUND,
    "locked": ERROR_LOCKED,
    "damaged": ERROR_DAMAGED,
    "embedder_mismatch": ERROR_EMBEDDER,
    "model_not_found": ERROR_MODEL_NOT_FOUND,
    "settings": ERROR_SETTINGS,
}
