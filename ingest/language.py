"""The language of a text: by its script where that tells, else by `alphabets`.

`detect_language` tells languages; `detect_script` tells simplified from traditional Chinese.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ingest.alphabets import alphabetic_language

SAMPLE_CHARACTERS = 20_000
MIN_LETTERS = 2
HAN_WEIGHT = 4
KANA_SHARE = 0.08

MIN_SCRIPT_SHARE = 0.75

ChineseScript = Literal["zh", "zh-Hans", "zh-Hant"]

# scripts that are one language's own, and "other": letters that several languages share
_SCRIPTS: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = (
    ("han", ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))),
    ("kana", ((0x3041, 0x30FB), (0x31F0, 0x3200), (0xFF66, 0xFF9E))),
    ("ko", ((0xAC00, 0xD7A4), (0x1100, 0x1200), (0x3131, 0x318F))),
    ("he", ((0x5D0, 0x5EB),)),
    ("el", ((0x370, 0x400), (0x1F00, 0x2000))),
    ("th", ((0xE00, 0xE80),)),
    ("other", ((0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x250), (0x1E00, 0x1F00))),
    ("other", ((0x400, 0x590), (0x600, 0x700), (0x750, 0x780), (0xFB50, 0xFE00), (0xFE70, 0xFEFF))),
    ("other", ((0x900, 0xE00), (0xE80, 0xF00), (0x1000, 0x1100), (0x1200, 0x1380))),
    ("other", ((0x1780, 0x1800), (0x1C90, 0x1CC0), (0x2D00, 0x2D30))),
)

# Common characters that stand in one script alone, pair by pair. Left out are simplified forms that
# are characters of traditional texts too (后 里 面 台 干 只 系 云 余 于 几 松 准 制 种).
_TRADITIONAL = (
    "萬與專業東絲兩嚴喪個豐臨為麗舉義烏樂習鄉書買亂爭虧亞產親億僅從侖倉儀們優傳傷倫偽體傾償儲兒"
    "黨蘭關興養獸內岡寫軍農馮沖決況凍淨涼減湊鳳憑凱擊劃劉則剛創刪別剝劇勸辦務動勵勁勞勢勳區醫華"
    "協單賣盧衛卻廠廳歷厲壓厭縣參雙發變敘葉號嘆嚇嗎啟吳員聽響問喚喬單嘗園圍國圖圓聖場壞塊堅壇壩"
    "墳壯聲處備複夠頭夾奪奮獎婦媽嬌孫學寧實寵審憲宮寬賓對尋導壽將爾塵嘗堯層屬歲豈島嶺幣帥師帳帶"
    "幫乾併廣慶廬庫應廟廢開異棄張彌彎彈強歸當錄徹徑後復憶懷態總戀惡愛慣懇戲戰戶撲執擴掃揚擾撫拋"
    "搶護報擔擬攏揀擁攔擇掛摯擋掙擠揮撈損撿換據擄擲攤攜攝敵數斂斬斷無舊時曠顯晉曬曉暈暫術樸機殺"
    "雜權條來楊極構槍棗櫃標棧棟欄樹樣橋檢樓歡歐殘殲毀畢氣氫漢湯溝沒滬淚潔灑濃測濟渾滬漲澤滅燈靈"
    "災爐點煉爛煙煩燒熱愛爺牽犧狀猶獨獄獲瑪環現電畫暢療癥皺監盤眾睜礦碼磚礎確禮禍種積稱穩窮竊競"
    "筆築簡籃類糧緊糾紅紀約級紛紙純線組細終結給絕統經綠維綱網編練縮繼續績羅罰聯聰肅腸膚腎腫脅腦"
    "膽臉臺艦藝節蘇蘋蟲蠶蠻補襯見規視覽覺觀觸計訂認討讓訓議記講許論設訪證評識訴診詞譯試詩話誠該"
    "詳語誤說請諸讀課誰調談謀謝謂謹譜貝負貢財責賢敗貨質販貪購貫貴貸貿費賀資賊賴趙趨躍車軌軟轉輪"
    "輕載較輔輛輩輝輸轄辭邊遼達遷過邁運還這進遠違連遲適選遜遞邏遺鄧鄭鄰釋鑒針釘釣鈔鋼鑰鉤鈴鉛銀"
    "銅銷鎖鋪錯錢錦鍋鍵鏡長門閃閉問間悶聞閱闊隊陽陰陣階際陸陳險隨隱雞離難霧頁頂項順須顧頓預領頗"
    "頻題顏額風飛飯飲館馬駕駐駛驗騎魚魯鮮鳥鳴麥黃齊齒龍龜"
)
_SIMPLIFIED = (
    "万与专业东丝两严丧个丰临为丽举义乌乐习乡书买乱争亏亚产亲亿仅从仑仓仪们优传伤伦伪体倾偿储儿"
    "党兰关兴养兽内冈写军农冯决况冻凉减凑凤凭凯击划刘则刚创删别剥剧劝办务动励劲劳势勋区医华协单"
    "卖卢卫厂厅历厉压厌县参双发变叙叶号叹吓吗启吴员听响问唤乔尝园围国图圆圣场坏块坚坛坝坟壮声处"
    "备够头夹夺奋奖妇妈娇孙学宁实宠审宪宫宽宾对寻导寿将尔尘尧层属岁岂岛岭币帅师帐带帮广庆庐库应"
    "庙废开异弃张弥弯弹强归当录彻径忆怀态总恋恶爱惯恳戏战户扑执扩扫扬扰抚抛抢护报担拟拢拣拥拦择"
    "挂挚挡挣挤挥捞损捡换据掳掷摊携摄敌数敛斩断无旧时旷显晋晒晓晕暂术机杀杂权条来杨极构枪枣柜标"
    "栈栋栏树样桥检楼欢欧残歼毁毕气氢汉汤沟没沪泪洁洒浓测济浑涨泽灭灯灵灾炉点炼烂烟烦烧热爷牵牺"
    "状犹独狱获玛环现电画畅疗症皱监盘众睁矿码砖础确礼祸积称稳穷窃竞笔筑简篮类粮紧纠红纪约级纷纸"
    "纯线组细终结给绝统经绿维纲网编练缩继续绩罗罚联聪肃肠肤肾肿胁脑胆脸舰艺节苏苹虫蚕蛮补衬见规"
    "视览觉观触计订认讨让训议记讲许论设访证评识诉诊词译试诗话诚该详语误说请诸读课谁调谈谋谢谓谨谱"
    "贝负贡财责贤败货质贩贪购贯贵贷贸费贺资贼赖赵趋跃车轨软转轮轻载较辅辆辈辉输辖辞边辽达迁过迈"
    "运还这进远违连迟适选逊递逻遗邓郑邻释鉴针钉钓钞钢钥钩铃铅银铜销锁铺错钱锦锅键镜长门闪闭间闷"
    "闻阅阔队阳阴阵阶际陆陈险随隐鸡离难雾页顶项顺须顾顿预领颇频题颜额风飞饭饮馆马驾驻驶验骑鱼鲁"
    "鲜鸟鸣麦黄齐齿龙龟"
)
_SHARED = frozenset(_TRADITIONAL) & frozenset(_SIMPLIFIED)
_TRADITIONAL_ONLY = frozenset(_TRADITIONAL) - _SHARED
_SIMPLIFIED_ONLY = frozenset(_SIMPLIFIED) - _SHARED


def detect_language(text: str) -> str:
    """Return an ISO 639-1 code, "und" where the text does not tell.

    Chinese is "zh-Hans" or "zh-Hant", "zh" where its characters are those of both. Long texts are
    judged by their beginning, middle and end.

    >>> detect_language("The dome is closed if the wind is strong."), detect_language("圆顶关闭")
    ('en', 'zh-Hans')
    """
    sample = _sample(text)
    counts = _script_counts(sample)
    if sum(counts.values()) < MIN_LETTERS:
        return "und"
    east_asian = counts["han"] + counts["kana"]
    weights = {script: count for script, count in counts.items() if script not in ("han", "kana")}
    weights["east_asian"] = east_asian * HAN_WEIGHT
    script = max(weights, key=lambda name: (weights[name], name))
    if script == "east_asian":
        is_japanese = counts["kana"] > KANA_SHARE * east_asian
        return "ja" if is_japanese else detect_script(sample)
    return alphabetic_language(sample) if script == "other" else script


def detect_script(text: str) -> ChineseScript:
    """Return the script of a Chinese text, "zh" where its characters do not tell or are mixed.

    >>> detect_script("圆顶关闭"), detect_script("圓頂關閉"), detect_script("人口")
    ('zh-Hans', 'zh-Hant', 'zh')
    """
    sample = _sample(text)
    n_simplified = sum(character in _SIMPLIFIED_ONLY for character in sample)
    n_traditional = sum(character in _TRADITIONAL_ONLY for character in sample)
    needed = MIN_SCRIPT_SHARE * (n_simplified + n_traditional)
    if n_simplified and n_simplified >= needed:
        return "zh-Hans"
    return "zh-Hant" if n_traditional and n_traditional >= needed else "zh"


def _sample(text: str) -> str:
    if len(text) <= SAMPLE_CHARACTERS:
        return text
    part = SAMPLE_CHARACTERS // 3
    middle = len(text) // 2
    return " ".join((text[:part], text[middle : middle + part], text[-part:]))


def _script_counts(text: str) -> dict[str, int]:
    raw = text.encode("utf-32-le", "surrogatepass")
    points: NDArray[np.uint32] = np.frombuffer(raw, dtype="<u4")
    counts = dict.fromkeys((script for script, _ in _SCRIPTS), 0)
    for script, ranges in _SCRIPTS:
        counts[script] += sum(int(((points >= a) & (points < b)).sum()) for a, b in ranges)
    return counts
