"""The contrast of every pair of colors that the pages use, computed by WCAG's formula in both themes.

Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

import re

import pytest
from django.conf import settings

CSS = settings.BASE_DIR / "static" / "css"
TOKENS = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\);", (CSS / "tokens.css").read_text()))
TEXT, PART = 4.5, 3.0
TINT = 0.13

Color = tuple[float, float, float]


def color(name: str, theme: str) -> Color:
    text = TOKENS[name].split(", ")[theme == "dark"]
    return tuple(int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))


def luminance(rgb: Color) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mix_colors(top: Color, under: Color, share: float) -> Color:
    """What CSS paints for color-mix(in srgb, top share, under)."""
    return tuple(share * a + (1 - share) * b for a, b in zip(top, under, strict=True))


GROUNDS = ("bg", "surface", "surface-2")
STATES = ("pos", "neg", "warn", "info")
TONES = [f"c{number}" for number in range(1, 9)]
WORDS = [
    *((text, ground) for text in ("text", "text-2", "accent") for ground in GROUNDS),
    *((state, f"{state}-soft") for state in STATES),
    *(("text", f"{state}-soft") for state in STATES),
    *((state, ground) for state in ("pos", "neg", "warn") for ground in ("bg", "surface")),
    ("accent", "accent-soft"),
    ("text", "accent-soft"),
    ("accent-strong", "bg"),
    ("accent-strong", "surface"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
]
PARTS = [
    *(("line-strong", ground) for ground in ("bg", "surface")),
    *((tone, ground) for tone in TONES for ground in ("surface", "surface-2")),
    ("accent", "surface-2"),
    ("brass", "surface"),
]
themes = pytest.mark.parametrize("theme", ["light", "dark"])


def test_it_measures_contrast_as_the_standard_does():
    # Two pairs whose ratios the standard's own materials state.
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast((0x76 / 255,) * 3, (1, 1, 1)) == pytest.approx(4.54, abs=0.01)


@themes
@pytest.mark.parametrize(("text", "ground"), WORDS)
def test_it_sets_words_that_can_be_read(text, ground, theme):
    assert contrast(color(text, theme), color(ground, theme)) >= TEXT


@themes
@pytest.mark.parametrize(("part", "ground"), PARTS)
def test_it_draws_parts_that_can_be_told_apart(part, ground, theme):
    assert contrast(color(part, theme), color(ground, theme)) >= PART


@themes
@pytest.mark.parametrize("tone", TONES)
def test_it_draws_category_icons_that_stand_out_from_their_tint(tone, theme):
    tint = mix_colors(color(tone, theme), color("surface", theme), TINT)

    assert contrast(color(tone, theme), tint) >= PART


def test_it_tints_icons_as_much_as_is_computed_here():
    assert f"color-mix(in srgb, var(--tone) {TINT:.0%}, var(--surface))" in (CSS / "app.css").read_text()


def test_it_uses_only_colors_and_sizes_that_have_a_name():
    css = "".join((CSS / name).read_text() for name in ("app.css", "credit.css"))
    defined = set(re.findall(r"--([\w-]+):", (CSS / "tokens.css").read_text())) | {"tone"}

    assert set(re.findall(r"var\(--([\w-]+)", css)) <= defined
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", css)


def test_it_stays_within_the_page_policy():
    css = "".join(path.read_text() for path in CSS.glob("*.css"))

    assert "url(" not in css
    assert "@import" not in css
