"""The wordings of instructions to a model, in English and Chinese.

They are matched against a folded copy: lower case, NFKC, simplified characters, nothing unseen. In
the English ones a blank stands for up to six characters between two words. Every repetition is
bounded and each pattern begins with a word, so the search is linear.
"""

# ruff: noqa: E501  a wording is read best on one line

from __future__ import annotations

import re

_BEFORE = (
    "previous(?:ly)?|prior|preceding|above|foregoing|earlier|initial|original|existing|past|former"
    "|all|any|every|everything|your|system|safety|developer"
)
_FILLER = "(?:of|the|my|our|these|those|that|this|such|other|given|and|or|following|security|core)"
_WORDS = rf"(?:(?:{_BEFORE}) |{_FILLER} ){{0,5}}(?:{_BEFORE}) (?:{_FILLER} ){{0,2}}"
_IGNORE = (
    "(?:ignore|disregard|forget|override|bypass|discard|do not (?:follow|obey)|don['’]?t (?:follow|obey)"
    "|stop (?:following|obeying)|pay no attention to|no longer follow)"
)
_ORDERS = "(?:instructions?|prompts?|commands?|directives?|directions|programming|guardrails)"
_RULES = (
    "(?:rules|guidelines|constraints|restrictions|policies|messages|context|conversation|training)"
)
_STRONG = (
    "(?:all (?:of )?(?:your|(?:the |my )?(?:previous|prior|earlier|above|preceding))|your|system)"
)
_ASSISTANT = (
    "(?:ai(?: assistants?| models?| systems?| agents?| chatbots?)?|llms?|(?:large )?language models?"
    "|chatbots?|chatgpt|gpt-?\\d?|ai language models?)"
)
_CUE = (
    "(?:you (?:are|must|will|should|have been|can now)|ignore|disregard|forget|from now on|override"
    "|reveal|new instructions?|the user (?:is|has)|do not (?:tell|mention|reveal|follow)"
    "|你(?:现在|是|必须|将|应|要)|请?(?:忽略|无视|忘记|忘掉)|从现在|新的?指令|不要告诉)"
)
_SECRETS = (
    "(?:conversation|chat (?:history|logs?|transcript)|system prompt|api keys?|credentials|passwords"
    "|secrets|(?:the )?user['’]?s? (?:data|messages?|question|query|input|e-?mails?|information)"
    "|private (?:data|information)|contents of (?:this|the) (?:conversation|context|documents?))"
)
_PLACE = (
    "(?:https?:|www\\.|[a-z0-9._-]{1,40}@|attacker|(?:this|the following|an external|my) "
    "(?:url|address|server|endpoint|link|e-?mail|webhook))"
)
_AFEW = "(?:[^\\s.!?。*_\"'`>“”‘’#~-]{1,20}+ ){0,6}?"

_ENGLISH = (
    ("override", rf"{_IGNORE} {_WORDS}{_ORDERS}(?!\w)"),
    ("override", rf"(?:ignore|disregard|forget|override|bypass) {_STRONG} (?:{_FILLER} |safety |previous |content |system ){{0,2}}{_RULES}(?!\w)"),
    ("override", rf"{_IGNORE} (?:all |any )?(?:the )?(?:instructions?|prompts?) (?:above|before this|you (?:were|have been|received))"),
    ("override", r"(?:ignore|disregard|forget) (?:everything|anything|all|what(?:ever)?) (?:that )?(?:you (?:were|have been|know|had been|learned)|(?:was |is |written )?(?:above|before this)(?= (?:and|,|then|instead)|[.,!;:]))"),
    ("override", r"(?:disregard|ignore) the above and (?:instead |then )?(?:say|print|output|write|respond|reply|tell|answer|do)"),
    ("override", r"(?:here are )?your (?:new|updated|real|actual|true) (?:instructions?|system prompt|directives?) (?:is|are|:)"),
    ("persona", r"you are now (?:in )?(?:a |an |the )?(?:dan|developer mode|jailbroken|unrestricted|unfiltered|uncensored|evil|free from)(?!\w)"),
    ("persona", r"(?:act|behave|respond|answer) as (?:if you (?:have|had) no (?:restrictions|rules|limits|guidelines)|an? (?:unrestricted|unfiltered|uncensored|jailbroken) )"),
    ("persona", r"(?:enter|enable|activate|switch to) (?:dan|jailbreak|unrestricted|god) mode|you can do anything now"),
    ("persona", r"pretend (?:that )?you (?:have no (?:restrictions|rules|guidelines|limits)|are (?:not bound|not an ai|unrestricted))"),
    ("persona", r"from now on,? (?:you (?:will|must|shall|should|are to) |you['’]ll )(?:only |always |never )?(?:act|answer|respond|reply|ignore|obey|pretend|behave|speak|output|refuse)(?!\w)"),
    ("reveal", rf"(?:reveal|show|print|output|display|repeat|disclose|leak|tell|give|expose|recite|share|dump|what (?:is|are|was|were)) {_AFEW}your (?:full |exact |entire |complete )?(?:system |hidden |initial |original |secret |internal |developer ){{1,2}}(?:prompt|instructions?|message|directives?|rules|guidelines)"),
    ("reveal", rf"(?:reveal|print|output|repeat|disclose|leak|tell me|give me|expose|recite|dump) {_AFEW}(?:system prompt|(?:hidden|secret|initial|developer) (?:prompt|instructions?))"),
    ("reveal", r"(?:repeat|print|output|copy) (?:all |everything |every word )?(?:of )?(?:the )?(?:words |text |content |instructions? )?above (?:this line )?(?:verbatim|word for word|starting with|in a code block)"),
    ("exfiltrate", rf"(?:send|post|forward|e-?mail|upload|transmit|exfiltrate|leak|submit|append|deliver) {_AFEW}{_SECRETS} {_AFEW}(?:to|at|via|into) {_AFEW}{_PLACE}"),
    ("conceal", r"do not (?:tell|inform|alert|notify) the user (?:about|of|that) (?:this|these|you (?:have |were |are |received))"),
    ("conceal", r"(?:do not|don['’]?t|never) (?:mention|reveal|disclose|acknowledge|refer to) (?:this|these|the hidden) (?:hidden |secret |system )?(?:instructions?|prompts?|directives?)"),
    ("addressed", rf"(?:notes?|instructions?|messages?|attention|important|commands?|urgent) ?(?:to|for|,|:) (?:all |any |the |every )?{_ASSISTANT} ?[:,]"),
    ("addressed", rf"(?:attention|dear) (?:all |any )?{_ASSISTANT} ?[:,]"),
    ("addressed", r"if you are (?:an? )?(?:ai|llm|(?:large )?language model|chatbot|ai assistant|ai model|ai language model|ai agent)(?:,| (?:reading|processing|summari[sz]ing|analy[sz]ing|tasked|asked))"),
)  # fmt: skip

_BY_YOU = "(?:你(?:的|被|收到|所|之前|先前|此前|原|接)|您(?:的|收到|之前))"
_EARLIER = "(?:之前|以前|先前|此前|以上|上述|上面|前面|前述|前文|上文|原有|原来|原先|最初|初始)"
_ALL = "(?:所有|全部|一切|任何)"
_ZH_IGNORE = (
    "(?:忽略|无视|忽视|忘记|忘掉|忘了|不要理会|不必理会|无需理会|不用管|别管|别理|不要遵守|不要遵循|不要执行|停止(?:遵守|执行|遵循)"
    "|不再(?:遵守|遵循|执行)|抛弃|丢弃|绕过|推翻|覆盖)(?:掉|了|你)?"
)
_ZH_ORDERS = "(?:指令(?!集|缓存|前缀|周期|流水)|提示词|系统提示|系统消息|指示(?!灯|牌|器|标)|prompt|instructions?)"
_ZH_RULES = "(?:提示|命令|要求|规则|设定|约束|限制|对话|上下文|准则|训练|说明|角色)"
_ZH_MODEL = "(?:ai|人工智能|大模型|大?语言模型|智能助手|聊天机器人|chatgpt)(?:助手|模型|系统|程序|机器人|助理)?"
_ZH_SECRETS = "(?:对话|聊天记录|系统提示|api ?密钥|密钥|密码|凭证|用户的?(?:数据|信息|问题|输入|隐私|邮件|资料))"
_ZH_PLACE = "(?:https?:|www\\.|[a-z0-9._-]{1,40}@|攻击者|外部|以下(?:地址|网址|链接|邮箱|服务器)|这个(?:地址|网址|链接|邮箱))"
_ZH_SHOW = (
    "(?:输出|显示|打印|透露|泄露|告诉我|说出|重复|复述|展示|给出|公开|暴露|列出|写出|公布|提供)"
)

_CHINESE = (
    ("override", rf"{_ZH_IGNORE}[^。！？\n]{{0,8}}?(?:{_EARLIER}|{_ALL}|{_BY_YOU}|系统)[^。！？，,]{{0,10}}?{_ZH_ORDERS}"),
    ("override", rf"(?:忽略|无视|忘记|忘掉|忘了|不要遵守|不要遵循|不再遵守|抛弃|绕过)(?:掉|了)?(?:{_BY_YOU}[^。！？，,\n]{{0,8}}?|(?:{_EARLIER}的?{_ALL}|{_ALL}的?{_EARLIER})[^。！？，,\n]{{0,6}}?){_ZH_RULES}"),
    ("override", rf"(?:忘记|忘掉|忘了|忽略|无视)(?:掉)?(?:以上|上面|之前|前面)的?{_ALL}(?:内容|文字|东西|信息)"),
    ("override", r"(?:忘记|忘掉|忘了|无视|忽略)(?:你)?(?:之前|以前|先前|此前)?(?:被)?(?:学到|学过|知道|告知|被告知)的?(?:一切|所有|全部)"),
    ("override", rf"{_EARLIER}的?{_ALL}?(?:的)?(?:指令|提示词|系统提示|设定)(?:全部|都|一律|统统|已经?|均|现)?(?:作废|无效|失效|不算数|不再有效|不用管|被取消)"),
    ("override", r"(?:你的新(?:的)?(?:指令|系统提示|提示词|任务指令)(?:是|为|如下|:)|(?:^|\n|[。!！\]】])\s{0,3}新的?(?:系统)?(?:指令|提示词) ?:)"),
    ("persona", r"从现在(?:开始|起)[,，]?(?:你|您)(?:就|将|必须|要|只能|应该?)?(?:扮演|不受|没有(?:任何)?(?:限制|约束)|不再(?:受|遵)|只(?:能|会)?(?:回答|输出|说)|(?:回答|回复|输出|服从|听从)|是(?:一个|一名|一台)?[^。,，\n]{0,10}(?:ai|助手|模型|dan|黑客|机器人))"),
    ("persona", r"你现在(?:是|进入|处于|已进入|已经是)[^。,，\n]{0,8}(?:dan|开发者模式|越狱|无限制|不受限制|上帝模式|没有限制)"),
    ("persona", r"(?:不受|没有|解除|摆脱)(?:任何|一切|所有)?(?:限制|约束|审查|道德约束)的(?:ai|人工智能|助手|模型|机器人|语言模型)|(?:进入|开启|启用|切换到)(?:越狱|无限制|dan) ?模式"),
    ("persona", r"(?:假装|假设|想象)(?:你|自己)(?:没有|不受)(?:任何|一切)?(?:限制|约束|规则|道德)"),
    ("reveal", rf"{_ZH_SHOW}(?:出|一下|一遍)?[^。！？\n]{{0,8}}?你(?:的|收到的?|被(?:赋予|设定)的?)[^。！？，,\n]{{0,8}}?(?:系统提示|提示词|指令|系统消息|prompt|内部规则|初始设定)"),
    ("reveal", rf"{_ZH_SHOW}(?:出|一下|一遍)?[^。！？，,\n]{{0,6}}?(?:系统提示词|system prompt|系统prompt|隐藏的?指令|初始提示词?|内部提示词|隐藏的?提示词|系统指令(?!集))"),
    ("reveal", r"你的(?:系统提示词?|初始指令|系统指令|提示词|初始提示)(?:是|都?有)(?:什么|哪些|啥)"),
    ("reveal", r"(?:逐字|原样|一字不[差漏落])地?(?:输出|重复|复述|打印)(?:以上|上面|之前|前面)"),
    ("exfiltrate", rf"(?:把|将)[^。！？\n]{{0,12}}?{_ZH_SECRETS}[^。！？\n]{{0,15}}?(?:发送|发|上传|转发|传送|传|提交|附加)(?:到|至|给|在)?[^。！？\n]{{0,10}}?{_ZH_PLACE}"),
    ("exfiltrate", rf"(?:发送|上传|转发|传送|提交|泄露)[^。！？\n]{{0,10}}?{_ZH_SECRETS}[^。！？\n]{{0,8}}?(?:到|至|给)[^。！？\n]{{0,6}}?{_ZH_PLACE}"),
    ("conceal", r"不要(?:向用户|对用户|告诉用户|让用户)[^。\n]{0,6}?(?:这|此|本|上述|以上)(?:条|段|个|些)?(?:隐藏)?(?:指令|提示词|消息|指示|命令)"),
    ("conceal", r"(?:不要|不得|切勿|绝不)(?:提及|提到|透露|泄露|承认)(?:这|此|本)(?:条|段|些|个)?(?:隐藏的?)?(?:指令|提示词|提示|指示)"),
    ("addressed", rf"(?:致|写给|告知|提醒|请)(?:所有|任何|各位|阅读本文的)?(?:的)?{_ZH_MODEL}(?:的)?(?:指令|提示|说明|消息|注意)?(?:[:]|注意[,，:])"),
    ("addressed", rf"(?:如果|若|假如)(?:你|您)是(?:一个|一名|一款)?{_ZH_MODEL}(?:[,，、]|(?:正在|在)(?:阅读|处理|总结|分析))"),
)  # fmt: skip

_MARKERS = (
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|eom_id|begin_of_text"
    r"|end_of_text|start_header_id|end_header_id|endofprompt|end|channel|message|start|return)\|>",
    r"<\|(?:begin|end)[▁_ ]of[▁_ ]sentence\|>|<(?:start|end)_of_turn>|\[/?inst\]|<</?sys>>",
    r"\[/?system_prompt\]|</?(?:system|system_prompt|system-reminder|system_message)>",
    r"#{2,4} ?(?:system|instruction|assistant|human)(?: (?:prompt|message))?s? ?:",
    rf"(?:^|(?<=\n))[ \t>*\[(#]{{0,6}}(?:system|assistant|developer)(?: (?:prompt|message|note|override|instruction|alert))?"
    rf"[\])*]{{0,3}} ?[:\]] ?[*\s]{{0,3}}{_CUE}",
    rf"(?:^|(?<=\n))[ \t>*\[(#【]{{0,6}}系统(?:提示|消息|指令|通知|管理员)?[\])】*]{{0,3}} ?:? ?\s{{0,3}}{_CUE}",
)

_GAP = r"[\s*_\"'`>“”‘’#~-]{1,6}+"


def _english(pattern: str) -> re.Pattern[str]:
    """Return a pattern that begins with a word; " " is a gap, " ?" an optional blank."""
    spaced = pattern.replace(" ?", "\0").replace(" ", _GAP).replace("\0", r"\s{0,2}")
    return re.compile(f"(?<![a-z0-9])(?:{spaced})")


ENGLISH = tuple((kind, _english(pattern)) for kind, pattern in _ENGLISH)
CHINESE = tuple((kind, re.compile(pattern)) for kind, pattern in _CHINESE)
MARKERS = tuple(("role_marker", re.compile(pattern)) for pattern in _MARKERS)
