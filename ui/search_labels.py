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
LIKENESS = Label("Most like a better hit", "与更好段落的最大相似度")
SCALE = Label("BM25 {n:.3f} counts as 1", "BM25 {n:.3f} 分计为 1")
PASSED_OVER = Label("Passed over", "被略过的段落")
WHY = Label("Why", "缘由")
ENOUGH_OF_DOCUMENT = Label("its document has enough hits", "该文档的段落已经够多")
LIKE_A_BETTER_HIT = Label("too much like a better hit", "与更好的段落过于相似")
READ_AS_ONE = Label("An answer reads as one passage", "回答时合为一段")

EVALUATE_INTRO = Label(
    "Questions with known answers, made of your documents, tell how well they are found.",
    "用取自您的文档、答案已知的问题，衡量检索的效果。",
)
SYSTEMS = Label("Searches to measure", "要评估的检索")
N_QUESTIONS = Label("Questions to make at most", "最多生成的问题数")
JUDGE_ANSWERS = Label("Judge the answers, too (slower)", "同时评判回答（较慢）")
EVALUATE_NOW = Label("Run the evaluation", "开始评估")
NO_SYSTEM = Label("Choose at least one search.", "请至少选择一种检索。")
QUESTIONS_ABSENT = Label(
    "There is no question set yet: the first run makes one, without a model.",
    "还没有问题集：首次评估时会自动生成，无需模型。",
)
QUESTIONS_PRESENT = Label("Question set, yours to edit", "问题集，可自行编辑")
REMAKE = Label("Make the questions anew", "重新生成问题")
REMAKE_QUESTION = Label(
    "Replace the question set by one of the documents as they are now? What was edited in it is "
    "lost; the runs are kept.",
    "要按现在的文档重新生成问题集吗？其中的修改将丢失，评估记录会保留。",
)
REMAKE_YES = Label("Yes, make it anew", "确定重新生成")
REMADE = Label(
    "The question set was made anew: {n:,} questions.", "问题集已重新生成：{n:,} 个问题。"
)
MAKING = Label("Making the questions…", "正在生成问题……")
ASKING = Label("Question {done:,} of {total:,}", "正在评估 {total:,} 个问题中的第 {done:,} 个")
RUN_KEPT = Label("The run is kept in the collection.", "评估记录已保存在文档库中。")
NO_RUNS = Label("No run is kept yet.", "还没有评估记录。")
KEPT_RUNS = Label("Kept runs", "评估记录")
ALL_RUNS = Label("All kept runs: {n:,}", "全部评估记录：{n:,} 次")
MADE_AT = Label("Made at", "时间")
QUESTION_SET = Label("Questions", "问题集")
COMPARE_WITH = Label("Compare with", "与之对比")
CHOOSE_RUN = Label("Choose another run", "选择另一次评估")
QUESTION_COUNT = Label("{n:,} questions", "{n:,} 个问题")
UNANSWERABLE_COUNT = Label("{n:,} unanswerable", "{n:,} 个无答案")
LEFT_OUT_COUNT = Label("{n:,} left out", "略去 {n:,} 个")
SEARCH_TIME = Label(
    "{median:.1f} ms a search (median), {high:.1f} ms (95th percentile)",
    "每次检索 {median:.1f} 毫秒（中位数），{high:.1f} 毫秒（第 95 百分位）",
)
REFUSALS = Label(
    "Refusals: precision {precision:.3f}, recall {recall:.3f}, AUROC {auroc:.3f}",
    "拒答：精确率 {precision:.3f}，召回率 {recall:.3f}，AUROC {auroc:.3f}",
)
NONE_REFUSED = Label("Refusals: none; AUROC {auroc:.3f}", "拒答：没有；AUROC {auroc:.3f}")
FIGURES = Label("Figures", "指标")
FIGURES_HELP = Label(
    "Means over the questions with 95 % intervals. recall@k, nDCG@10 and MRR@10: how early the "
    "right document comes; span@k: a passage among the first k covers the answer's place; "
    "answer@k: one holds the answer's words.",
    "各问题的平均值及 95 % 区间。recall@k、nDCG@10、MRR@10：正确文档排得多靠前；"
    "span@k：前 k 个段落中有一个覆盖答案所在位置；answer@k：有一个含有答案原文。",
)
METRIC = Label("Metric", "指标")
SYSTEM = Label("Search", "检索")
ANSWERS = Label("Answers", "回答")
DIFFERENCE = Label("Difference, paired", "配对差值")
P_VALUE = Label("p (permutation test)", "p 值（置换检验）")
VERDICT = Label("Verdict", "结论")
LOWER = Label("lower", "更低")
HIGHER = Label("higher", "更高")
UNDECIDED = Label("within the interval", "在区间之内")
SYSTEMS_COMPARED = Label("Compared with the first search", "与第一种检索相比")
RUNS_COMPARED = Label(
    "Compared: the later run minus the earlier one", "对比：较晚的评估减去较早的评估"
)
SHARED = Label("{n:,} questions in both runs", "两次评估共有 {n:,} 个问题")
GOT_WORSE = Label("Questions that got worse: {n:,}", "变差的问题：{n:,} 个")
NONE_WORSE = Label("No question got worse.", "没有问题变差。")
WORST_FIRST = Label("Questions, the worst first", "问题（最差的在前）")
LEADS_TO_INSPECT = Label(
    "Each leads to its explanation on the page Inspect.", "点击问题即可在“检视”页查看缘由。"
)
CHART = Label("Means with 95 % intervals", "平均值及 95 % 区间")
