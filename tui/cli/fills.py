"""How the placeholders are filled, as `--map`, `--fixed` and `--fallback` say it (R25, R37)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine import placeholders
from engine.audience.columns import position
from engine.errors import BadInput
from engine.text import shown
from store.types import Fill, Template

if TYPE_CHECKING:
    from argparse import Namespace


def fills(
    options: Namespace, before: Mapping[str, Fill], template: Template | None, columns: Sequence[str] | None
) -> dict[str, Fill]:
    """What the options make of the fills there were: only what is given changes, an empty text takes one away.

    Fills of placeholders that the template does not have are dropped. `columns` are the audience's, `None` without one.
    Raises `BadInput` for a placeholder or a column there is not, and for two answers to one question.
    """
    known, more = _known(template)
    keys = {placeholder.key for placeholder in (*known, *more)}
    found = {key: fill for key, fill in before.items() if key in keys}
    columns_of = _pairs("--map", options.map, template, known, more)
    fixed = _pairs("--fixed", options.fixed, template, known, more)
    fallbacks = _pairs("--fallback", options.fallback, template, known, more)
    for key in columns_of.keys() & fixed.keys():
        raise BadInput(
            "placeholder_twice",
            f"Placeholder {key} has a column and a fixed text.",
            "Give it either --map or --fixed.",
        )
    for key, name in columns_of.items():
        column = _column(name, columns) if name else None
        found[key] = replace(found.get(key, Fill()), column=column, fixed=None)
    for key, text in fixed.items():
        found[key] = replace(found.get(key, Fill()), column=None, fixed=text or None)
    for key, text in fallbacks.items():
        found[key] = replace(found.get(key, Fill()), fallback=text or None)
    return {key: fill for key, fill in found.items() if fill != Fill()}


def _known(
    template: Template | None,
) -> tuple[Sequence[placeholders.Placeholder], Sequence[placeholders.Placeholder]]:
    """The placeholders of a template, and what else its campaigns may fill."""
    if template is None:
        return (), ()
    parts = template.components, template.parameter_format
    return placeholders.placeholders(*parts), placeholders.extras(*parts)


def _pairs(
    option: str,
    given: Sequence[str],
    template: Template | None,
    known: Sequence[placeholders.Placeholder],
    more: Sequence[placeholders.Placeholder],
) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadInput("usage", f"{option} {shown(text)!r} has no =.", f"Write it as {option} body.1=...")
        if template is None:
            raise BadInput(
                "template_missing", f"{option} needs a template to say what it fills.", "Give --template as well."
            )
        key = placeholders.canonical_key(name, known, more)
        if key in pairs:
            raise BadInput("placeholder_twice", f"{option} names placeholder {key} twice.", "Give it once.")
        pairs[key] = value
    return pairs


def _column(name: str, columns: Sequence[str] | None) -> str:
    if columns is None:
        raise BadInput(
            "audience_missing", "--map needs an audience to say which columns there are.", "Give --audience."
        )
    at = position(columns, name)
    if at is None:
        raise BadInput(
            "no_such_column",
            f"The audience has no column {shown(name)!r}.",
            f"Its columns are: {', '.join(map(shown, columns))}.",
        )
    return columns[at]
