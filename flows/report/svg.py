"""matplotlib's SVG made fit for a page: it takes the page's colours and font, and no two pictures share a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

INK, SOFT, LINE = "#1c2330", "#5b6472", "#dfe3e8"
# What the drawings use, and what follows the page's light or dark theme in its place.
THEME = {INK: "currentColor", SOFT: "var(--soft)", LINE: "var(--line)"}


def inline(svg: str, key: str, alt: str, marks: Mapping[str, str]) -> str:
    """`svg` as an element of an HTML page.

    `key` goes before every name in it, `alt` says what it shows. `marks`: {gid of an artist: text shown when it is
    pointed at}; these elements get the class `mark` and the gid as `data-mark`.
    """
    _, _, body = svg.partition("<svg")
    head, _, body = body.partition(">")
    box = re.search(r'viewBox="([^"]+)"', head)
    assert box is not None
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.S)
    body = re.sub(r' font-family: [^;"]+;?| transform="rotate\(-0 [^"]*"|(?<=d=")\s+', "", body)
    for color, name in THEME.items():
        body = body.replace(color, name)
    for gid, text in marks.items():
        shown = f'<g class="mark" data-mark="{escape(gid)}"><title>{escape(text)}</title>'
        body = body.replace(f'<g id="{gid}">', shown)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))

    def named(found: re.Match[str]) -> str:
        return f' id="{key}-{found[1]}"' if found[1] in used else ""

    body = re.sub(r' id="([^"]+)"', named, body)
    body = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{key}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", body)
    return f'<svg class="plot" role="img" aria-label="{escape(alt)}" viewBox="{box[1]}">{body.strip()}'
