"""docs/one_layer.md is what the flow emits."""

from docs.one_layer import PAGE, page


def test_the_page_shows_what_is_emitted() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again: python -m docs.one_layer"
