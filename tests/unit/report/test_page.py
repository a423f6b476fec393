import base64
import gzip
import itertools
import json
import re
from html.parser import HTMLParser

import pytest
import told
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from hpo.report import theme
from hpo.report.document import Cell, Chart, Document, Fact, Section, Table, Text, Verdict
from hpo.report.page import Link, html
from hpo.report.sections import document

VOID = {"meta", "link", "img", "br", "hr"}


class Reader(HTMLParser):
    """The elements of a page with their attributes, and the text of each script; fails where tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            name = self.elements[-1][1].get("id") or ""
            self.scripts[name] = self.scripts.get(name, "") + data
        elif not self.open or self.open[-1] != "style":
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def paper(*parts: object, title: str = "A toy", sentence: str = "It won.") -> Document:
    return Document(
        title=title,
        study="toy",
        subtitle="space all",
        verdict=Verdict(word="better", sentence=sentence, facts=(Fact(name="gain", value="+1", note="sure"),)),
        missing=(Text(text="No tables.", tone="missing", command="hpo sweep toy"),),
        sections=(Section(id="one", title="One", parts=parts),),  # type: ignore[arg-type]
        made="today",
    )


def chart(figure: object = None, **more: str) -> Chart:
    return Chart(**{"id": "figure-a", "title": "A", "caption": "Seen.", "figure": json.dumps(figure or {}), **more})


_PIECES = [*"<>&\"'/!-{}%\u2028\u2029`$x", "</script>", "<!--", "]]>", "<img src=x>"]
EVIL = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)


@budget(deadline=None, max_examples=40)
@given(EVIL, EVIL)
def test_findings_cannot_inject_markup_into_the_page(first: str, second: str) -> None:
    table = Table(caption=first, headings=(second, "x"), rows=((first, Cell(text=second, hint=first)),), note=second)
    figure = {"data": [{"text": [first, second]}], "layout": {first: 1}}
    plain = read(html(paper(Table(caption="", headings=("", "x"), rows=(("", Cell(text="")),), note=""), chart({}))))
    reader = read(html(paper(table, chart(figure, title=first, caption=second), title=first, sentence=second)))
    extra = {"span", "p"}  # a hint or a note that is empty has no element
    assert [tag for tag, _ in reader.elements if tag not in extra] == [
        tag for tag, _ in plain.elements if tag not in extra
    ]
    assert json.loads(reader.scripts["figure-a-figure"]) == figure
    assert not any(character in reader.scripts["figure-a-figure"] for character in "<>&\u2028\u2029")
    assert first in reader.text
    assert second in reader.text


def test_the_page_is_self_contained_and_forbids_network_access() -> None:
    reader = read(html(paper(chart())))
    for tag, attributes in reader.elements:
        for name in ("src", "href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), (tag, address)
    policy = next(meta["content"] for meta in reader.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"https?:|\*", policy)


def test_a_served_page_has_its_nonce_and_navigation() -> None:
    served = read(html(paper(chart()), nonce="abc", links=(Link("All <studies>", "/"),)))
    assert [style.get("nonce") for style in served.of("style")] == ["abc"]
    assert [script.get("nonce") for script in served.of("script") if "type" not in script] == ["abc"]
    assert "All <studies>" in served.text
    assert {"href": "/"} in served.of("a")
    alone = read(html(paper(chart())))
    assert not [attributes for _, attributes in alone.elements if "nonce" in attributes]


def test_plotly_is_embedded_only_in_pages_with_figures() -> None:
    packed = read(html(paper(chart()))).scripts["plotly"]
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()
    without = html(paper(Text(text="words")))
    assert "plotly" not in read(without).scripts
    assert len(without) < 40_000


def test_the_page_has_both_themes_and_the_colour_swaps_of_figures() -> None:
    page = html(paper(chart()))
    assert json.loads(read(page).scripts["swaps"]) == theme.swaps()
    assert f"--optimum:{theme.OPTIMUM.light};" in page
    assert f"--optimum:{theme.OPTIMUM.dark};" in page
    assert "prefers-color-scheme:dark" in page


def test_the_page_is_accessible_to_screen_readers() -> None:
    table = Table(caption="Rows", headings=("x", "y"), rows=(("a", Cell(text="1", mark="bad", hint="too low")),))
    page = html(paper(table, chart()))
    reader = read(page)
    assert reader.of("html") == [{"lang": "en"}]
    assert [attributes["scope"] for attributes in reader.of("th")] == ["col", "col", "row"]
    assert "(too low)" in reader.text
    assert "<title>A toy – toy</title>" in page
    drawing = next(attributes for attributes in reader.of("div") if attributes.get("data-chart"))
    assert (drawing["role"], drawing["aria-label"]) == ("img", "A. Seen.")
    anchors = {attributes["href"] for attributes in reader.of("a")}
    ids = {f"#{attributes['id']}" for _, attributes in reader.elements if attributes.get("id")}
    assert {"#verdict", "#one"} <= anchors <= ids
    headings = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


def test_the_verdict_precedes_missing_parts_and_sections() -> None:
    text = read(html(paper(Text(text="A paragraph.")))).text
    assert text.index("It won.") < text.index("No tables.") < text.index("A paragraph.")


def test_the_same_findings_make_the_same_page() -> None:
    found = told.findings(comparison=told.comparison([0.92, 0.91, 0.93] * 4, [0.9] * 12))
    assert html(document(found)) == html(document(found))


@pytest.mark.parametrize("folded", [True, False])
def test_a_long_table_is_folded(folded: bool) -> None:
    reader = read(html(paper(Table(caption="Rows", headings=("x",), rows=(("a",),), folded=folded))))
    assert ("summary" in [tag for tag, _ in reader.elements[-20:]]) is folded
    assert len(reader.of("caption")) == 1
