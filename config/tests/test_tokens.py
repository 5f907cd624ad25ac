"""The contrast of every pair of colors that the pages use, computed with WCAG's formula in both themes.

Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

import re

import pytest
from django.conf import settings

CSS = settings.BASE_DIR / "static" / "css"
TOKENS = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\);", (CSS / "tokens.css").read_text()))
TEXT_CONTRAST, GRAPHICS_CONTRAST = 4.5, 3.0
TINT = 0.13

Color = tuple[float, float, float]


def get_color(name: str, theme: str) -> Color:
    text = TOKENS[name].split(", ")[theme == "dark"]
    return tuple(int(text[start : start + 2], 16) / 255 for start in (1, 3, 5))


def compute_luminance(rgb: Color) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def compute_contrast(one: Color, other: Color) -> float:
    lighter, darker = sorted((compute_luminance(one), compute_luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mix_colors(top: Color, under: Color, share: float) -> Color:
    """What CSS paints for color-mix(in srgb, top share, under)."""
    return tuple(share * a + (1 - share) * b for a, b in zip(top, under, strict=True))


GROUNDS = ("bg", "surface", "surface-2")
STATES = ("pos", "neg", "warn", "info")
TONES = [f"c{number}" for number in range(1, 9)]
TEXT_PAIRS = [
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
GRAPHICS_PAIRS = [
    *(("line-strong", ground) for ground in ("bg", "surface")),
    *((tone, ground) for tone in TONES for ground in ("surface", "surface-2")),
    ("accent", "surface-2"),
    ("brass", "surface"),
]
themes = pytest.mark.parametrize("theme", ["light", "dark"])


def test_it_computes_contrast_like_the_standard():
    # Two pairs whose ratios the standard's own materials state.
    assert compute_contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert compute_contrast((0x76 / 255,) * 3, (1, 1, 1)) == pytest.approx(4.54, abs=0.01)


@themes
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_it_gives_text_enough_contrast(text, ground, theme):
    assert compute_contrast(get_color(text, theme), get_color(ground, theme)) >= TEXT_CONTRAST


@themes
@pytest.mark.parametrize(("part", "ground"), GRAPHICS_PAIRS)
def test_it_gives_graphics_enough_contrast(part, ground, theme):
    assert compute_contrast(get_color(part, theme), get_color(ground, theme)) >= GRAPHICS_CONTRAST


@themes
@pytest.mark.parametrize("tone", TONES)
def test_it_gives_category_icons_enough_contrast_on_their_tint(tone, theme):
    tint = mix_colors(get_color(tone, theme), get_color("surface", theme), TINT)

    assert compute_contrast(get_color(tone, theme), tint) >= GRAPHICS_CONTRAST


def test_it_uses_the_same_tint_in_the_style_sheet():
    assert f"color-mix(in srgb, var(--tone) {TINT:.0%}, var(--surface))" in (CSS / "app.css").read_text()


def test_it_uses_only_named_colors_and_sizes():
    css = "".join((CSS / name).read_text() for name in ("app.css", "credit.css"))
    defined = set(re.findall(r"--([\w-]+):", (CSS / "tokens.css").read_text())) | {"tone"}

    assert set(re.findall(r"var\(--([\w-]+)", css)) <= defined
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", css)


def test_it_loads_nothing_from_style_sheets():
    css = "".join(path.read_text() for path in CSS.glob("*.css"))

    assert "url(" not in css
    assert "@import" not in css
