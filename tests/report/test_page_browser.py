"""Pages in a real browser: Chromium, without a window and without a network."""

import re

import browsing
import numpy
import pytest

from gluon_gru.gates import inspection as gates_of

KINDS = ("reproduce", "exercises", "sweep", "benchmark", "shapes", "gates")


@pytest.fixture(scope="module")
def opened(browser, made):
    """Return kind -> page, and what went wrong while it was opened, filled on demand."""
    found = {}

    def open_page(kind):
        if kind not in found:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            wrong = browsing.watched(page)
            page.goto(made[0][kind].as_uri())
            found[kind] = page, wrong
        return found[kind]

    return open_page


@pytest.fixture
def gates(opened, made):
    """Return the page of gates at a fresh start, and the gates."""
    page, _ = opened("gates")
    page.set_viewport_size({"width": 360, "height": 800})
    page.reload()
    return page, made[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_opens_without_errors_and_without_what_texts_would_do(opened, kind):
    page, wrong = opened(kind)
    assert wrong == []
    assert page.evaluate("document.querySelectorAll('img[src=x], [onerror]').length") == 0
    assert page.inner_text("h1") == page.title() != ""


@pytest.mark.parametrize("width", [360, 700, 1025, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wider_than_the_window(opened, kind, width):
    page, _ = opened(kind)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.evaluate(
            """width => [...document.querySelectorAll(".scroll, table, svg, code, .text, ol")]
        .filter(element => !element.parentElement.closest(".scroll"))
        .filter(element => element.getBoundingClientRect().right > width)
        .map(element => element.outerHTML.slice(0, 200))""",
            width,
        )
        == []
    )


@pytest.mark.parametrize("kind", ["reproduce", "exercises", "sweep"])
def test_tables_stay_tables_and_what_is_wider_than_its_frame_fades_at_the_edge(opened, kind):
    page, _ = opened(kind)
    page.set_viewport_size({"width": 360, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    shown = page.evaluate(
        """[...document.querySelectorAll(".scroll")].filter(one => one.scrollWidth > one.clientWidth)
        .map(one => getComputedStyle(one, "::after").backgroundImage)"""
    )
    assert shown and all("linear-gradient" in image for image in shown)
    displays = "[...document.querySelectorAll('td')].map(one => getComputedStyle(one).display)"
    assert set(page.evaluate(displays)) == {"table-cell"}


@pytest.mark.parametrize("kind", KINDS)
def test_no_picture_is_a_white_block_in_the_dark(opened, kind):
    page, _ = opened(kind)
    filters = "[...document.querySelectorAll('img')].map(one => getComputedStyle(one).filter)"
    for scheme, dark in (("light", False), ("dark", True)):
        page.emulate_media(color_scheme=scheme)
        assert all(("invert" in found) == dark for found in page.evaluate(filters))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_written_stands_out(opened, kind, scheme):
    page, _ = opened(kind)
    page.emulate_media(color_scheme=scheme)
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        found = page.evaluate(browsing.CONTRASTS)
        assert len(found) > 50 and found[0][0] >= 4.5, found[:5]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) > 3 * 128) == (scheme == "light")


def shown(page):
    """Return the numbers that the readout shows: Z and R, and their means."""
    return [
        float(page.inner_text(f".readout .{name}"))
        for name in ("update", "reset", "mean_update", "mean_reset")
    ]


def expected(gates, place, rank=0):
    unit = gates_of.memory(gates)[0][rank]
    both = (gates.update, gates.reset)
    return pytest.approx(
        [gate[place, unit] for gate in both] + [gate[place].mean() for gate in both], abs=6e-4
    )


def test_hovering_shows_the_gates_at_a_character(gates):
    page, found = gates
    for place in (7, 0, len(found.text) - 1):
        page.hover(f"[data-place='{place}']")
        assert shown(page) == expected(found, place)
        assert f"({place + 1} of {len(found.text)})" in page.inner_text(".readout")
    page.hover("h1")
    assert shown(page) == expected(found, 0)


def test_the_text_is_one_stop_of_the_tab_key_and_arrows_go_through_it(gates):
    page, found = gates
    page.focus(".walk input:checked")
    page.keyboard.press("Tab")
    place = "Number(document.activeElement.dataset.place)"
    assert page.evaluate(place) == 0
    for key, there in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", len(found.text) - 1),
        ("ArrowRight", len(found.text) - 1),
        ("Home", 0),
        ("ArrowLeft", 0),
    ):
        page.keyboard.press(key)
        assert page.evaluate(place) == there
        assert shown(page) == expected(found, there)
    tops = "[...document.querySelectorAll('[role=option]')].map(e => e.getBoundingClientRect().top)"
    page.keyboard.press("ArrowDown")
    below = page.evaluate(place)
    heights = page.evaluate(tops)
    assert heights[below] > heights[0] and heights[below] == min(
        height for height in heights if height > heights[0]
    )
    page.keyboard.press("ArrowUp")
    assert page.evaluate(place) == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.text')") is None
    assert page.locator("[aria-selected=true]").count() == 1


def test_unit_and_gate_can_be_chosen_and_the_bars_follow(gates):
    page, found = gates
    page.select_option(".walk select", "5")
    page.check(".walk input[value=reset]")
    page.hover("[data-place='3']")
    assert shown(page) == expected(found, 3, rank=5)
    bars = page.evaluate(
        "[...document.querySelectorAll('[role=option]')].map("
        "e => Number(e.style.getPropertyValue('--v')))"
    )
    numpy.testing.assert_allclose(bars, found.reset[:, gates_of.memory(found)[0][5]], atol=6e-4)
    assert page.locator(".walk option").count() == 64


def test_a_tap_chooses_a_character(browser, made):
    context = browser.new_context(has_touch=True, viewport={"width": 360, "height": 700})
    page = context.new_page()
    page.goto(made[0]["gates"].as_uri())
    page.tap("[data-place='30']")
    assert shown(page) == expected(made[1], 30)
    context.close()


def test_without_scripts_text_curves_and_tables_are_there(browser, made):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(made[0]["gates"].as_uri())
    assert page.locator("[role=option]").count() == len(made[1].text)
    assert not page.locator(".controls").is_visible() and not page.locator(".readout").is_visible()
    page.goto(made[0]["reproduce"].as_uri())
    assert page.locator(".curves polyline").first.is_visible()
    assert not page.locator(".curves .at").is_visible()
    context.close()


def test_curves_tell_the_nearest_epochs_values(opened):
    page, _ = opened("reproduce")
    page.set_viewport_size({"width": 1280, "height": 800})
    curves = page.evaluate("JSON.parse(document.querySelector('.curves script').textContent)")
    page.hover(".curves > svg", position={"x": 5, "y": 60})
    assert page.inner_text(".curves output").startswith("1. ")
    page.focus(".curves input")
    page.keyboard.press("ArrowRight")
    told = page.inner_text(".curves output")
    assert told.startswith("2. ")
    for curve in curves["curves"]:
        values = [
            float(value)
            for value in re.search(re.escape(curve["label"]) + r": ([\d., ]+)", told)
            .group(1)
            .rstrip(", ")
            .split(", ")
        ]
        assert values == pytest.approx([run[1] for run in curve["runs"]], rel=1e-3)
