from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hpo.report.document import (
    Cell,
    Chart,
    Commands,
    Document,
    Fact,
    Facts,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
    Verdict,
)
from hpo.report.markdown import escaped, markdown

READER = MarkdownIt("commonmark").enable("table")


def read(text: str) -> str:
    """What a person sees of it."""
    tokens = [child for token in READER.parse(text) for child in (token.children or [token])]
    assert not [token for token in tokens if "html" in token.type or token.type in ("link_open", "image")]
    return "".join(token.content for token in tokens)


def document(*parts: object, **more: object) -> Document:
    given: dict[str, object] = {
        "title": "A toy",
        "study": "toy",
        "subtitle": "space all",
        "verdict": Verdict(word="better", sentence="It won."),
        "missing": (),
        "sections": (Section(id="one", title="One", parts=parts),),  # type: ignore[arg-type]
        "made": "today",
    }
    return Document(**{**given, **more})  # type: ignore[arg-type]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60))
def test_any_escaped_text_renders_as_itself(text: str) -> None:
    seen = " ".join(text.split())
    assert read(escaped(text)).replace("\u2060", "") == seen.replace("\u2060", "")


def test_names_of_parameters_stay_readable() -> None:
    assert escaped("hidden_units and learning_rate") == "hidden_units and learning_rate"


@given(st.text("|\\`<>*_[]#ab \n", max_size=30))
def test_a_cell_cannot_break_its_table(text: str) -> None:
    table = Table(caption="T", headings=("a", "b"), rows=((text or "x", Cell(text=text, hint="h")), ("1", "2")))
    tokens = READER.parse(markdown(document(table)))
    assert len([token for token in tokens if token.type == "tr_open"]) == 3
    assert len([token for token in tokens if token.type == "td_open"]) == 4


def test_every_kind_of_part_is_rendered_in_markdown() -> None:
    text = markdown(
        document(
            Text(text="A paragraph."),
            Text(text="Gone.", tone="missing", command="hpo compare toy"),
            Facts(facts=(Fact(name="gain", value="+1", note="sure"),)),
            Table(caption="Rows", headings=("x", "y"), rows=(("a", "1"),), right=frozenset({1}), note="A note."),
            Chart(id="c", title="A chart", caption="What is seen.", figure="{}"),
            Pictures(caption="Two", pictures=(Picture(uri="data:,", alt="", heading="Right", lines=("Boot",)),)),
            Commands(caption="Do:", lines=("hpo a", "hpo b")),
            missing=(Text(text="No tables.", tone="missing", command="hpo sweep toy"),),
        )
    )
    assert text.startswith(
        "# A toy\n\nspace all\n\n**Better.** It won.\n\n## Not in this report\n\n- No tables. `hpo sweep toy`"
    )
    for said in (
        "A paragraph.",
        "Gone. `hpo compare toy`",
        "- gain: **+1** (sure)",
        "**Rows**\n\n| x | y |\n| --- | ---: |\n| a | 1 |\n\nA note.",
        "*A chart* (a figure in the HTML report): What is seen.",
        "- **Right**: Boot",
        "```sh\nhpo a\nhpo b\n```",
    ):
        assert said in text
    assert "data:" not in text


def test_a_command_with_ticks_stays_one_block() -> None:
    text = markdown(document(Commands(caption="Do:", lines=("echo ```x```", "done"))))
    fences = [token for token in READER.parse(text) if token.type == "fence"]
    assert [fence.content for fence in fences] == ["echo ```x```\ndone\n"]
