"""What people write back, out of a callback: replies that want no more messages, or want them again (R38).

A text, a tap on a quick reply of a template, a choice in an interactive message, and the choice about marketing
messages that WhatsApp itself offers. Everything else somebody writes is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine import phone
from engine.reply_words import Wish
from engine.statuses import milliseconds, objects, values
from engine.text import shown
from store.types import Reply

if TYPE_CHECKING:
    from engine.reply_words import Words

MARKETING: Final = "marketing_messages"
_PREFERENCES: Final = {"stop": Wish.STOP, "resume": Wish.START}


def replies_in(document: Mapping[str, Any], received: int, words: Words, account: str | None = None) -> list[Reply]:
    """The replies in a callback's document that opt a number out or in, in its order.

    `received` (UTC epoch milliseconds) stands in for a time that is missing: a STOP is not lost for that. With
    `account`, the id of a WhatsApp Business Account, what was written to another one opts nobody in here; it does opt
    out, for in doubt nothing is sent.
    """
    found = _replies_in(values(document), received, words)
    if account is None:
        return found
    own = _replies_in(values(document, account), received, words)
    return [reply for reply in found if reply.stop or reply in own]


def _replies_in(told: Iterable[Mapping[str, Any]], received: int, words: Words) -> list[Reply]:
    return [
        reply
        for value in told
        for reply in (
            *_written(objects(value.get("messages")), received, words),
            *_chosen(objects(value.get("user_preferences")), received),
        )
    ]


def _written(messages: list[dict[str, Any]], received: int, words: Words) -> Iterator[Reply]:
    for message in messages:
        said = [text for text in _texts(message) if text]
        wishes = {wish: text for text in reversed(said) if (wish := words.wish(text)) is not None}
        if not wishes:
            continue
        # A button may say one thing and carry another: in doubt nothing is sent.
        wish = Wish.STOP if Wish.STOP in wishes else Wish.START
        message_id = message.get("id")
        yield from _replies(
            message.get("from"),
            message.get("timestamp"),
            received,
            wish,
            f"reply: {wish.value.upper()}",
            # Kept as it can be shown and stored: half a character cannot.
            said=shown(wishes[wish]),
            message_id=shown(message_id) if isinstance(message_id, str) and message_id else None,
        )


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    """The words of a message that may be a wish, those that its writer saw first."""
    kind = message.get("type")
    part = message.get(kind) if isinstance(kind, str) else None
    if not isinstance(part, dict):
        return
    if kind == "interactive":
        chosen = (part.get("button_reply"), part.get("list_reply"))
        found = [one.get(key) for one in chosen if isinstance(one, dict) for key in ("title", "id")]
    else:
        found = [part.get(key) for key in {"text": ("body",), "button": ("text", "payload")}.get(str(kind), ())]
    yield from (text for text in found if isinstance(text, str))


def _chosen(preferences: list[dict[str, Any]], received: int) -> Iterator[Reply]:
    for preference in preferences:
        wish = _PREFERENCES.get(str(preference.get("value")))
        if wish is not None and preference.get("category", MARKETING) == MARKETING:
            yield from _replies(
                preference.get("wa_id"),
                preference.get("timestamp"),
                received,
                wish,
                f"WhatsApp settings: {wish.value.upper()}",
            )


def _replies(
    who: object,
    timestamp: object,
    received: int,
    wish: Wish,
    origin: str,
    said: str = "",
    message_id: str | None = None,
) -> Iterator[Reply]:
    at = milliseconds(timestamp)
    for number in phone.of_whatsapp(who.removeprefix("+")) if isinstance(who, str) else ():
        yield Reply(number, received if at is None else at, wish is Wish.STOP, origin, said, message_id)
