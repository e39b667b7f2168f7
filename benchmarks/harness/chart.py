"""Bar charts as SVG text that is readable on light and dark pages, and in a diff."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LABEL_WIDTH, _ROW_HEIGHT, _BAR_HEIGHT = 760, 250, 22, 15
_COLOURS = {True: "#2f6feb", False: "#9aa4b2"}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar. Bars with the same `group` in a row share a heading."""

    label: str
    value: float
    group: str = ""
    highlighted: bool = False


def bar_chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Draw horizontal bars on the same scale."""
    longest = max(bar.value for bar in bars) or 1
    available = _WIDTH - _LABEL_WIDTH - 90
    body, y, group = [], 34, ""
    for bar in bars:
        if bar.group != group:
            group, y = bar.group, y + 8
            body.append(_text(8, y + 12, group, weight="600"))
            y += _ROW_HEIGHT
        width = max(bar.value / longest * available, 1)
        body.append(_text(_LABEL_WIDTH - 8, y + 12, bar.label, anchor="end"))
        body.append(
            f'<rect x="{_LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{_BAR_HEIGHT}" rx="2" '
            f'fill="{_COLOURS[bar.highlighted]}"/>'
        )
        body.append(
            _text(
                _LABEL_WIDTH + width + 6,
                y + 12,
                f"{bar.value:,.4g}" if bar.value < 1000 else f"{bar.value:,.0f}".replace(",", " "),
            )
        )
        y += _ROW_HEIGHT
    height = y + 10
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
            f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(8, 22, f"{title} ({unit})", weight="600", size=14),
            *body,
            "</svg>\n",
        ]
    )


def _text(  # noqa: PLR0913 - the attributes of an SVG text
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "400", size: int = 12
) -> str:
    return (
        f'<text x="{x:.0f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" '
        f'font-size="{size}" fill="#1f2328">{escape(text)}</text>'
    )
