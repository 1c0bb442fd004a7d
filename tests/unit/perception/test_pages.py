"""What a person would read of a page."""

from __future__ import annotations

import time

import pytest

from lotus_tasks.errors import InvalidInput
from lotus_tasks.perception.service.pages import read_page


def test_headings_paragraphs_lists_and_tables_read_as_text():
    html = (
        "<title> A  boat </title><h1>Boats &amp; keys</h1><p>Hello <b>big</b>\n world.<br>Second line</p>"
        "<ul><li>one<li><p>two</p></ul><pre>a\n   b</pre><table><tr><td>1</td><td>2</td></tr></table>"
    )
    page = read_page(html)
    assert page.title == "A boat"
    assert page.text == "# Boats & keys\n\nHello big world.\nSecond line\n\n- one\n- two\n\na\n   b\n\n1 | 2 |"


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>x('hidden')</script>",
        "<style>.hidden{}</style>",
        "<!-- hidden -->",
        "<nav>hidden</nav>",
        "<div hidden>hidden</div>",
        "<span style='Display : none'>hidden</span>",
        "<span style='font-size:0px'>hidden</span>",
        "<div aria-hidden=true>hidden</div>",
        "<textarea>hidden</textarea>",
        "<template>hidden</template>",
    ],
)
def test_what_the_reader_does_not_see_is_left_out(hidden):
    assert read_page(f"<body><p>seen</p>{hidden}<p>too</p>").text == "seen\n\ntoo"


def test_the_main_part_is_read_where_there_is_one():
    story = "A long story about a boat. " * 20
    assert read_page(f"<body><div>Menu</div><main><p>{story}</main><div>Imprint</div>").text == story.strip()
    assert "Menu" in read_page("<body><div>Menu</div><main>short</main>").text


def test_broken_markup_still_reads():
    assert read_page("just < text").text == "just < text"
    assert read_page("").text == ""
    assert read_page("<p>one<div>two</p></b>three").text.split() == ["one", "two", "three"]


def test_a_page_that_nests_beyond_reason_is_refused_at_once():
    started = time.monotonic()
    for html in ("<div>" * 100_000, "<span><div></span>" * 50_000, "<b><i></b></i>" * 50_000):
        with pytest.raises(InvalidInput, match="nests"):
            read_page(html)
    assert time.monotonic() - started < 5


def test_tags_in_a_script_do_not_count_as_nesting():
    script = "<script>" + "'<div>' " * 5000 + "</script>"
    assert read_page(f"{script}<p>seen</p>").text == "seen"
