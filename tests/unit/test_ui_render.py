"""Untrusted text is shown, and does nothing."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from ui.evidence import Elsewhere, Evidence, Part
from ui.labels import say_in
from ui.markup import (
    answer_markup,
    evidence_markup,
    plain_label,
    seen,
    table_markup,
    text_markup,
)

PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img src=http://evil.example/pixel.png>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src='http://evil.example'></iframe>",
    "<object data=http://evil.example></object>",
    "<embed src=http://evil.example>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<style>@import url(http://evil.example/x.css);</style>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href=http://evil.example>",
    "<form action=http://evil.example><input name=a></form>",
    "<a href='javascript:alert(1)'>click</a>",
    "<a href=http://evil.example>click</a>",
    "<mark>not a quote</mark>",
    "</mark></div></details><h1>out of the box</h1>",
    '"><b onmouseover=alert(1)>x</b>',
    "'\" onfocus=alert(1) autofocus='",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<math><mtext></mtext></math>",
    "<!-- comment --><b>x</b>",
    "<![CDATA[<b>x</b>]]>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "&#x3C;b&#x3E;",
    "[click](http://evil.example)",
    "[click](javascript:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "![pixel](http://evil.example/pixel.png)",
    '![x](x"onerror="alert(1))',
    "[ref]: http://evil.example\n[ref]",
    "<http://evil.example>",
    "http://evil.example/path",
    "www.evil.example",
    "mail me@evil.example now",
    "$x^2$ and $$\\href{http://evil.example}{y}$$",
    "costs $5 to $7",
    ":red[alarm] :blue-background[x]",
    ":material/home: :smile: :+1: :streamlit:",
    ":small[x] :rainbow[y] :gray-badge[z]",
    "::directive[x]{onclick=alert(1)}",
    "```mermaid\ngraph TD; A-->B; click A 'http://evil.example'\n```",
    "```html\n<script>alert(1)</script>\n```",
    "`<img src=x onerror=alert(1)>`",
    "| a | b |\n|---|---|\n| <img src=x onerror=alert(1)> | [x](http://evil.example) |",
    "# Heading\n- list\n> quote",
    "a -> b <- c -- d >= e ~= f",
    "[1] [2](http://evil.example) [999]",
    "[1](#quote-1-1)",
    "__proto__ {{7*7}} ${7*7} <%= 7*7 %>",
    "\u202egnp.exe\u202c and zero\u200bwidth",
    "nul\x00 and bell\x07",
    "天文台在海拔 4,200 米处。<b>加粗</b> $公式$ :red[警告]",
    "中文文本保持原样：“引号”、《书名》——破折号……",
]
TAGS = {"div", "span", "p", "br", "a", "pre", "code", "ul", "ol", "li", "blockquote", "hr", "em"}
TAGS |= {"strong", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
TAGS |= {"details", "summary", "dl", "dt", "dd", "mark", "bdi"}
ATTRIBUTES = {"class", "id", "href", "lang", "data-label", "start", "style"}


class Audit(HTMLParser):
    """Collects the text of a fragment and whatever it should not hold."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.text, self.marked, self.wrong, self.links, self.open = "", "", [], [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in {"br", "hr"}:
            self.open.append(tag)
        self.wrong += [tag] if tag not in TAGS else []
        self.wrong += [name for name, _ in attrs if name not in ATTRIBUTES]
        self.wrong += [
            v for n, v in attrs if n == "style" and not re.fullmatch("text-align:\\w+", v)
        ]
        self.links += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag):
        if tag not in {"br", "hr"} and (not self.open or self.open.pop() != tag):
            self.wrong.append(f"/{tag}")

    def handle_data(self, data):
        self.text += data
        self.marked += data if "mark" in self.open else ""

    def handle_comment(self, data):
        self.wrong.append(data)

    def handle_decl(self, decl):
        self.wrong.append(decl)


def evidence_of(payload):
    return Evidence(
        number=1,
        title=payload,
        source=payload,
        page=2,
        heading=payload,
        language=payload,
        parts=(Part(payload), Part("the quote", 1), Part(payload)),
        also_in=(Elsewhere(payload),),
        order=(1,),
    )


def test_there_are_at_least_forty_payloads():
    assert len(set(PAYLOADS)) >= 40


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_is_shown_as_it_is(payload):
    audit = Audit(text_markup(payload))

    assert audit.wrong == []
    assert audit.links == []
    assert audit.text == seen(payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_answer_holds_no_markup_but_markdowns_and_no_link_but_to_its_evidence(payload):
    audit = Audit(answer_markup(f"{payload}\n\nEnd [1].", turn=1, cited=[evidence_of(payload)]))

    assert audit.wrong == []
    assert audit.open == []
    assert set(audit.links) == {"#quote-1-1-1"}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_evidence_marks_the_quote_and_nothing_else(payload):
    audit = Audit(evidence_markup(evidence_of(payload), turn=1, say=say_in("en")))

    assert audit.wrong == []
    assert audit.links == []
    assert audit.open == []
    assert audit.marked == "the quote"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_table_cell_shows_text_as_it_is(payload):
    audit = Audit(table_markup(["File"], [[payload]]))

    assert audit.wrong == []
    assert audit.links == []
    assert audit.open == []
    assert audit.text == "File" + seen(payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_label_has_no_markdown_left_in_it(payload):
    label = plain_label(payload)
    line = " ".join(seen(payload).split())
    paragraph = MarkdownIt("js-default", {"linkify": False}).render(label)
    shown = unescape(re.fullmatch(r"<p>(.*)</p>\n", paragraph).group(1))

    assert "<" not in re.fullmatch(r"<p>(.*)</p>\n", paragraph).group(1)
    assert shown.replace("\u2060", "") == line
    assert not re.search(r":[\w+/-]+:|:\w+\[|https?://|www\.|\w@\w|->|<-|--|>=", shown)
    assert not re.search(r"(?<!\\)[$\[\]`*_<&:]", label)


def test_markers_with_evidence_are_links_and_others_are_not():
    markup = answer_markup("One [1]. Two [2].", turn=3, cited=[evidence_of("")])

    assert '<a class="ragapp-marker" href="#quote-3-1-1">1</a>' in markup
    assert '<span class="ragapp-marker">2</span>' in markup


def test_each_occurrence_of_a_marker_leads_to_its_own_quote():
    evidence = Evidence(
        1, "", "a.txt", None, "", "en", (Part("One.", 1), Part("Two.", 2)), (), (2, 1)
    )

    markup = answer_markup("Two [1]. One [1]. More [1].", turn=1, cited=[evidence])

    assert Audit(markup).links == ["#quote-1-1-2", "#quote-1-1-1", "#quote-1-1-1"]


def test_a_marker_in_code_stays_code():
    assert "<code>a[1]</code>" in answer_markup("Use `a[1]`.", turn=1, cited=[evidence_of("")])


def test_markdown_of_an_answer_is_laid_out():
    markup = answer_markup("**bold**\n\n- one\n- two", turn=1)

    assert "<strong>bold</strong>" in markup
    assert markup.count("<li>") == 2


def test_chinese_text_is_kept_intact():
    text = "观测站位于海拔 4,200 米处，由三座穹顶组成。"

    assert text in text_markup(text)
    assert text in answer_markup(text, turn=1)
    assert plain_label("高原医疗与应急手册") == "高原医疗与应急手册"


def test_the_passage_names_its_language():
    evidence = Evidence(1, "手册", "手册.pdf", 2, "", "zh", (Part("正文"),))

    assert 'class="ragapp-passage" lang="zh"' in evidence_markup(evidence, turn=1, say=say_in("zh"))
