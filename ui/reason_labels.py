"""The texts of an answer's reasons, in English and Chinese."""

from __future__ import annotations

from ui.labels import Label

WHY = Label("Why this answer", "为何如此回答")
SEARCHED_AS = Label("Searched as", "检索内容")
STAGES = Label("Where the time went", "各阶段用时")
STAGE_NAMES: dict[str, Label] = {
    "retrieve": Label("searching", "检索"),
    "prompt": Label("choosing passages", "选取段落"),
    "first_token": Label("first word", "首字"),
    "write": Label("writing", "生成"),
    "check": Label("checking citations", "核对引用"),
}
MILLISECONDS = Label("{n:,.0f} ms", "{n:,.0f} 毫秒")
CONFIDENCE = Label(
    "Confidence that the passages are about the question: {n:.2f} (refused below {least:.2f})",
    "段落与问题相关的把握：{n:.2f}（低于 {least:.2f} 则拒答）",
)
BUDGET = Label(
    "Tokens: context {context:,}, kept for the answer {answer:,}, instruction, turns and question "
    "{bare:,}, passages {used:,} of {given:,}; read anew {prefilled:,}, reused {cached:,}",
    "词元：上下文 {context:,}，留给回答 {answer:,}，指令、对话与问题 {bare:,}，"
    "段落 {used:,}（上限 {given:,}）；新读 {prefilled:,}，复用 {cached:,}",
)
DROPPED = Label("Passages that were cut or did not fit: {n:,}", "被截短或未能放入的段落：{n:,} 个")
COLUMN_RANK = Label("Rank", "名次")
COLUMN_PASSAGE = Label("Passage", "段落")
COLUMN_SCORE = Label("Score", "得分")
COLUMN_DENSE = Label("Meaning", "语义")
COLUMN_LEXICAL = Label("Words", "字词")
PROMPT = Label("What the model read", "模型读到的内容")
AS_JSON = Label("All of it as JSON", "全部内容（JSON）")
