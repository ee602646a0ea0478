"""What WhatsApp checks of a request before it looks at the recipient or the template: its shape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.gateway.simulator.faults import Fault, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_REFERENCE = 512
POLICIES = ("CLOUD_API_FALLBACK", "STRICT")
_VERSION = re.compile(r"v[1-9]\d?\.\d")
_NUMBER = re.compile(r"\+?[0-9]{7,15}")
_PUNCTUATION = str.maketrans("", "", " -()")
# Reported for template parameters: no line breaks, no tabs, no more than four spaces in a row.
_UNFIT = re.compile(r"[\n\r\t]| {5}")
_MESSAGE = frozenset(
    {"messaging_product", "recipient_type", "to", "type", "template", "biz_opaque_callback_data", "context"}
)
_MARKETING = _MESSAGE | {"product_policy", "message_activity_sharing"}
_TEMPLATE = frozenset({"name", "language", "components", "namespace"})
_LANGUAGE = frozenset({"code", "policy"})
_COMPONENT = frozenset({"type", "sub_type", "index", "parameters", "cards"})
_CARD = frozenset({"card_index", "components"})
_MEDIA = frozenset({"id", "link", "filename", "caption"})


@dataclass(frozen=True, slots=True)
class Message:
    """What the simulator needs of a request that is in order."""

    to: str
    """Digits only."""
    reference: str
    attempt: int
    """The last part of a reference `campaign.seq.attempt`, else 0."""
    name: str = ""
    language: str = ""
    components: tuple[Mapping[str, Any], ...] = ()
    international: bool = True
    """Whether the number began with a plus."""


def check_path(version: str, phone_number_id: str) -> Fault | None:
    """The two variable parts of the address."""
    if not _VERSION.fullmatch(version):
        return Fault(100, "Invalid version format. Use a format like v23.0.")
    if not (phone_number_id.isascii() and phone_number_id.isdigit()):
        return Fault(100, "Invalid phone number ID format. Must be numeric.")
    return None


def check(payload: object, marketing_api: bool = False) -> Message | Fault:
    """A template message as `POST /{version}/{phone-number-id}/messages` (or `marketing_messages`) takes it."""
    if not isinstance(payload, dict):
        return Fault(100, "The body must be a JSON object.")
    fault = _unexpected(payload, _MARKETING if marketing_api else _MESSAGE, "") or _check_envelope(payload)
    if fault is not None:
        return fault
    to = payload["to"]
    digits = to.translate(_PUNCTUATION) if isinstance(to, str) else ""
    if not _NUMBER.fullmatch(digits):
        return Fault(131009, "The parameter to is not a phone number.")
    reference = payload.get("biz_opaque_callback_data", "")
    if not isinstance(reference, str) or len(reference) > LONGEST_REFERENCE:
        return Fault(100, f"biz_opaque_callback_data must be text of up to {LONGEST_REFERENCE} characters.")
    template: Any = payload.get("template")
    return _check_template(template) or Message(
        digits.lstrip("+"),
        reference,
        _attempt(reference),
        template["name"],
        template["language"]["code"],
        tuple(template.get("components", ())),
        digits.startswith("+"),
    )


def _check_envelope(payload: dict[str, Any]) -> Fault | None:
    if payload.get("messaging_product") != "whatsapp":
        return Fault(100, "The parameter messaging_product must be whatsapp.")
    if payload.get("type") != "template":
        return missing("type") if "type" not in payload else Fault(131051, "Only template messages are simulated.")
    if payload.get("recipient_type", "individual") != "individual":
        return Fault(100, "The parameter recipient_type must be individual.")
    if payload.get("product_policy", POLICIES[0]) not in POLICIES:
        return Fault(100, f"The parameter product_policy must be one of {', '.join(POLICIES)}.")
    if not isinstance(payload.get("message_activity_sharing", True), bool):
        return Fault(100, "The parameter message_activity_sharing must be true or false.")
    return None if payload.get("to") else missing("to")


def _check_template(template: object) -> Fault | None:
    if not isinstance(template, dict):
        return missing("template")
    name = template.get("name")
    if not isinstance(name, str) or not name:
        return missing("template['name']")
    language = template.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(language, dict) or not isinstance(code, str) or not code:
        return missing("template['language']['code']")
    fault = _unexpected(template, _TEMPLATE, "template") or _unexpected(language, _LANGUAGE, "template['language']")
    return fault or _check_components(template.get("components", []), "template['components']")


def _check_components(components: object, where: str) -> Fault | None:
    if not isinstance(components, list):
        return Fault(100, f"{where} must be an array.")
    for position, component in enumerate(components):
        fault = _check_component(component, f"{where}[{position}]")
        if fault is not None:
            return fault
    return None


def _check_component(component: object, where: str) -> Fault | None:
    if not isinstance(component, dict):
        return Fault(100, f"{where} must be an object.")
    kind = component.get("type")
    if not isinstance(kind, str) or not kind:
        return missing(f"{where}['type']")
    if not component.keys() <= _COMPONENT:
        return _unexpected(component, _COMPONENT, where)
    if kind.lower() == "button":
        fault = _check_button(component, where)
        if fault is not None:
            return fault
    if "cards" in component:
        return _check_cards(component["cards"], f"{where}['cards']")
    parameters = component.get("parameters", [])
    if not isinstance(parameters, list):
        return Fault(100, f"{where}['parameters'] must be an array.")
    for position, parameter in enumerate(parameters):
        fault = _check_parameter(parameter, f"{where}['parameters'][{position}]")
        if fault is not None:
            return fault
    return None


def _check_button(component: dict[str, Any], where: str) -> Fault | None:
    if "sub_type" not in component or "index" not in component:
        return missing(f"{where}['sub_type'] and ['index']")
    index = component["index"]
    # WhatsApp's own examples have it as text and as a number.
    digits = str(index) if isinstance(index, int | str) and not isinstance(index, bool) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 2):
        return Fault(100, f"{where}['index'] must be a number.")
    return None if isinstance(component["sub_type"], str) else Fault(100, f"{where}['sub_type'] must be text.")


def _check_cards(cards: object, where: str) -> Fault | None:
    if not isinstance(cards, list):
        return Fault(100, f"{where} must be an array.")
    for position, card in enumerate(cards):
        here = f"{where}[{position}]"
        if not isinstance(card, dict):
            return Fault(100, f"{here} must be an object.")
        index = card.get("card_index")
        if not isinstance(index, int) or isinstance(index, bool):
            return missing(f"{here}['card_index']")
        fault = _unexpected(card, _CARD, here) or _check_components(card.get("components", []), f"{here}['components']")
        if fault is not None:
            return fault
    return None


def _check_parameter(parameter: object, where: str) -> Fault | None:
    if not isinstance(parameter, dict):
        return Fault(100, f"{where} must be an object.")
    kind = parameter.get("type")
    if not isinstance(kind, str) or not kind:
        return missing(f"{where}['type']")
    # The value stands under the type's own name: text, image, currency, payload, action, coupon_code, ...
    value = parameter.get(kind)
    if value is None or value == "":
        return missing(f"{where}['{kind}']")
    if not parameter.keys() <= {"type", kind, "parameter_name"}:
        return _unexpected(parameter, frozenset({"type", kind, "parameter_name"}), where)
    if not isinstance(parameter.get("parameter_name", ""), str):
        return Fault(100, f"{where}['parameter_name'] must be text.")
    if kind in ("image", "video", "document", "gif") and isinstance(value, dict):
        return _unexpected(value, _MEDIA, f"{where}['{kind}']")
    if kind in ("text", "payload", "coupon_code"):
        if not isinstance(value, str):
            return Fault(100, f"{where}['{kind}'] must be text.")
        if kind == "text" and _UNFIT.search(value):
            return Fault(132018, f"{where}['text'] has line breaks, tabs or more than four spaces in a row.")
    return None


def _unexpected(given: Mapping[str, object], known: frozenset[str], where: str) -> Fault | None:
    """Graph refuses what it does not know by name."""
    for key in given:
        if key not in known:
            return Fault(100, f'Unexpected key "{key}" on param "{where}".')
    return None


def _attempt(reference: str) -> int:
    last = reference.rpartition(".")[2]
    return int(last) if last.isascii() and last.isdigit() and reference.count(".") == 2 and len(last) < 10 else 0
