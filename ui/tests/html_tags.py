"""What a browser makes of a piece of HTML, for tests of what draws it."""

from html.parser import HTMLParser

ATTACK = "<img src=x onerror=alert(1)>\"'&amp;"


class Tags(HTMLParser):
    """What a browser would make of a piece of HTML: its elements with their attributes, and its words."""

    def __init__(self, drawn: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.words: list[str] = []
        self.feed(drawn)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)
