"""What WhatsApp checks of a request before it looks at the recipient.

Only the shape: which templates exist, and what they ask for, is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_REFERENCE = 512
_VERSION = re.compile(r"v[1-9]\d?\.\d")
_NUMBER = re.compile(r"\+?[0-9]{7,15}")
_PUNCTUATION = str.maketrans("", "", " -()")
# Reported for template parameters: no line breaks, no tabs, no more than four spaces in a row.
_UNFIT = re.compile(r"[\n\r\t]| {5}")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a request."""

    code: int
    details: str


@dataclass(frozen=True, slots=True)
class Message:
    """What the simulator needs of a request that is in order."""

    to: str
    """Digits only."""
    reference: str
    attempt: int
    """The last part of a reference `campaign.seq.attempt`, else 0."""


def check_path(version: str, phone_number_id: str) -> Fault | None:
    """The two variable parts of the address."""
    if not _VERSION.fullmatch(version):
        return Fault(100, "Invalid version format. Use a format like v23.0.")
    if not (phone_number_id.isascii() and phone_number_id.isdigit()):
        return Fault(100, "Invalid phone number ID format. Must be numeric.")
    return None


def check(payload: object) -> Message | Fault:
    """A template message as `POST /{version}/{phone-number-id}/messages` takes it."""
    if not isinstance(payload, dict):
        return Fault(100, "The body must be a JSON object.")
    if payload.get("messaging_product") != "whatsapp":
        return Fault(100, "The parameter messaging_product must be whatsapp.")
    if payload.get("type") != "template":
        return _missing("type") if "type" not in payload else Fault(131051, "Only template messages are simulated.")
    to = payload.get("to")
    if not to:
        return _missing("to")
    digits = to.translate(_PUNCTUATION) if isinstance(to, str) else ""
    if not _NUMBER.fullmatch(digits):
        return Fault(131009, "The parameter to is not a phone number.")
    reference = payload.get("biz_opaque_callback_data", "")
    if not isinstance(reference, str) or len(reference) > LONGEST_REFERENCE:
        return Fault(100, f"biz_opaque_callback_data must be text of up to {LONGEST_REFERENCE} characters.")
    return _check_template(payload.get("template")) or Message(digits.lstrip("+"), reference, _attempt(reference))


def _check_template(template: object) -> Fault | None:
    if not isinstance(template, dict):
        return _missing("template")
    name = template.get("name")
    if not isinstance(name, str) or not name:
        return _missing("template['name']")
    language = template.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(code, str) or not code:
        return _missing("template['language']['code']")
    components = template.get("components", [])
    if not isinstance(components, list):
        return Fault(100, "template['components'] must be an array.")
    for position, component in enumerate(components):
        fault = _check_component(component, f"template['components'][{position}]")
        if fault is not None:
            return fault
    return None


def _check_component(component: object, where: str) -> Fault | None:
    if not isinstance(component, dict):
        return Fault(100, f"{where} must be an object.")
    kind = component.get("type")
    if not isinstance(kind, str) or not kind:
        return _missing(f"{where}['type']")
    if kind.lower() == "button" and ("sub_type" not in component or "index" not in component):
        return _missing(f"{where}['sub_type'] and ['index']")
    parameters = component.get("parameters", [])
    if not isinstance(parameters, list):
        return Fault(100, f"{where}['parameters'] must be an array.")
    for position, parameter in enumerate(parameters):
        fault = _check_parameter(parameter, f"{where}['parameters'][{position}]")
        if fault is not None:
            return fault
    return None


def _check_parameter(parameter: object, where: str) -> Fault | None:
    if not isinstance(parameter, dict):
        return Fault(100, f"{where} must be an object.")
    kind = parameter.get("type")
    if not isinstance(kind, str) or not kind:
        return _missing(f"{where}['type']")
    # The value stands under the type's own name: text, image, currency, payload, action, coupon_code, ...
    value = parameter.get(kind)
    if value is None or value == "":
        return _missing(f"{where}['{kind}']")
    if kind == "text":
        if not isinstance(value, str):
            return Fault(100, f"{where}['text'] must be text.")
        if _UNFIT.search(value):
            return Fault(132018, f"{where}['text'] has line breaks, tabs or more than four spaces in a row.")
    return None


def _missing(what: str) -> Fault:
    return Fault(131008, f"The parameter {what} is required.")


def _attempt(reference: str) -> int:
    last = reference.rpartition(".")[2]
    return int(last) if last.isascii() and last.isdigit() and reference.count(".") == 2 and len(last) < 10 else 0
