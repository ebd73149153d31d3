"""The texts of the Health page, in English and Chinese."""

from __future__ import annotations

from ui.labels import Label

CHECKING = Label("Checking…", "正在检查……")
CHECK = Label("Check the machine and the collection", "检查机器和文档库")
DEEP_CHECK = Label("Check every stored row", "检查所有存储内容")
DEEP_CHECK_HELP = Label(
    "Reads the whole collection and its index; a large one takes a while.",
    "读取整个文档库及其索引，文档库较大时需要一些时间。",
)
NO_PROBLEMS = Label("No problems found.", "没有发现问题。")
COLUMN_FACT = Label("What", "项目")
COLUMN_VALUE = Label("Is", "内容")
MODELS = Label("Language models", "语言模型")
MODELS_HERE = Label("Downloaded to this machine: {n:,}", "这台机器上已下载：{n:,} 个")
MODELS_RECOMMENDED = Label(
    "Known ones, in bfloat16, for {memory:.1f} GB of memory and {gpu:.1f} GB on a GPU, "
    "at {n:,} tokens of context",
    "已知模型（bfloat16），按内存 {memory:.1f} GB、显存 {gpu:.1f} GB、上下文 {n:,} 个词元估算",
)
COLUMN_MODEL = Label("Model", "模型")
COLUMN_REVISION = Label("Revision", "版本")
COLUMN_SIZE = Label("GB", "大小（GB）")
COLUMN_VERDICT = Label("On this machine", "在这台机器上")
VERDICTS: dict[str, Label] = {
    "best": Label("recommended", "推荐"),
    "fits": Label("fits", "可运行"),
    "slow": Label("slow without a GPU", "没有 GPU 时较慢"),
    "too large": Label("too large", "过大"),
}
BACKUP = Label("Backup", "备份")
BACKUP_FILE = Label("File to write on this machine", "要写入的文件（在这台机器上）")
BACKUP_HELP = Label(
    "Holds the whole collection, conversations and evaluations too. A file that is there stays.",
    "包含整个文档库以及对话和评估。已有的文件不会被覆盖。",
)
BACKUP_DO = Label("Back up", "备份")
BACKED_UP = Label(
    "Backed up and checked: {n:,} documents, {size:,.1f} MB.",
    "备份完成并已校验：{n:,} 篇文档，{size:,.1f} MB。",
)
