"""The message as its recipient will see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from engine.text import shown

if TYPE_CHECKING:
    from engine.message import Preview


def lines(text: str) -> list[str]:
    """A text as it is broken into lines, each made safe to show."""
    return [shown(line) for line in text.replace("\r\n", "\n").split("\n")]


def message_content(preview: Preview, problems: tuple[str, ...] = ()) -> Content:
    """Header, offer, body, footer, buttons and cards, then what WhatsApp would refuse. Shown literally."""
    parts = _parts(preview)
    parts += [Content.assemble(("! ", "bold $held"), problem) for problem in problems]
    return Content("\n").join(parts)


def _parts(preview: Preview) -> list[Content]:
    parts: list[Content] = []
    if preview.header:
        parts += [Content.styled(line, "bold") for line in lines(preview.header)]
    if preview.offer:
        parts += [Content.styled(line, "bold") for line in lines(preview.offer)]
    # A card may have no body; a message always has one.
    parts += [Content(line) for line in lines(preview.body)] if preview.body or not preview.header else []
    for said in (preview.footer, preview.note):
        parts += [Content.styled(line, "$text-muted") for line in lines(said)] if said else []
    if preview.buttons:
        parts.append(Content("  ").join([Content(f"[ {shown(button)} ]") for button in preview.buttons]))
    for at, card in enumerate(preview.cards):
        parts.append(Content.styled(f"card {at}", "$text-muted"))
        parts += [Content.assemble("│ ", line) for line in _parts(card)]
    return parts


class MessagePreview(Static):
    """A frame with the message in it; the frame says whose it is and how many there are."""

    DEFAULT_CSS = """
    MessagePreview {
        height: auto;
        border: round $border;
        border-title-color: $foreground;
        border-subtitle-color: $text-muted;
        padding: 0 1;
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(markup=False, id=id)
        self.border_title = "The message"

    def show_message(
        self, preview: Preview, problems: tuple[str, ...], who: str = "a recipient", which: str = ""
    ) -> None:
        """Show a message; `who` sees it, `which` says where that one stands among all."""
        self._frame(f"What {who} will see", which)
        self._show(message_content(preview, problems))

    def show_nothing(self, why: str) -> None:
        """There is no message to show: say why."""
        self._frame("The message", "")
        self._show(Content.styled(shown(why), "$text-muted"))

    def _frame(self, title: str, subtitle: str) -> None:
        # Frames are read as markup: nothing that somebody typed or imported gets there.
        if self.border_title != title:
            self.border_title = title
        if self.border_subtitle != subtitle:
            self.border_subtitle = subtitle

    def _show(self, content: Content) -> None:
        if not isinstance(self.content, Content) or not self.content.is_same(content):
            self.update(content)
