"""The texts of the pages that look into searches, as `ui.labels` has those of the others."""

from __future__ import annotations

from ui.labels import Label

INSPECT_INTRO = Label(
    "One query, three searches: by meaning, by words, and both together, with the reasons.",
    "一次查询，三种检索：按语义、按字词、两者合并，并说明缘由。",
)
QUERY = Label("Query", "查询")
QUERY_EXAMPLE = Label("What to look for, in English or Chinese", "要查找的内容，中英文均可")
N_PASSAGES = Label("Passages", "段落数")
HYBRID = Label("Both together", "混合")
DENSE = Label("By meaning (dense)", "按语义（向量）")
LEXICAL = Label("By words (lexical)", "按字词（全文）")
AS_ASKED = Label("what answers rest on", "回答所依据的检索")
WEIGHT = Label("weight {n:.2f}", "权重 {n:.2f}")
N_SCORED = Label("{n:,} passages scored", "评分段落 {n:,} 个")
TERMS = Label("Terms and their rarity", "词项及其稀有度")
NO_TERMS = Label("There is no term to search for in this query.", "此查询中没有可检索的词项。")
READABLE = Label("The embedder knows {n:.0%} of the query.", "嵌入模型认识此查询的 {n:.0%}。")
UNREADABLE = Label(
    "The embedder knows only {n:.0%} of the query, so the search by meaning does not count.",
    "嵌入模型只认识此查询的 {n:.0%}，因此语义检索不计入。",
)
SEARCHED = Label("Searched: {n:,} of {total:,} passages.", "检索了 {total:,} 个段落中的 {n:,} 个。")
FILTERED_OUT = Label(
    "{n:,} passages do not pass the filters and were not looked at.",
    "{n:,} 个段落不符合筛选条件，未参与检索。",
)
NOTHING_FOUND = Label("Nothing was found.", "没有找到任何内容。")
RANKS = Label("Ranks", "名次")
RANK = Label("rank {n:,}", "第 {n:,} 名")
NOT_AMONG_BEST = Label("not among the best", "不在最佳之列")
SCORE = Label("score {n:.3f}", "得分 {n:.3f}")
COSINE = Label("cosine {n:.3f}", "余弦 {n:.3f}")
BM25 = Label("BM25 {n:.3f}", "BM25 分数 {n:.3f}")
NO_TERM_HELD = Label("none", "无")
TERMS_HELD = Label("Terms held", "含有的词项")
COVERAGE = Label("coverage {n:.0%}", "覆盖 {n:.0%}")
COLLAPSED = Label("Collapsed into it", "并入此段落")
COLLAPSED_WHY = Label("says nearly the same", "文字几乎相同")
