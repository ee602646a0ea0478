"""Two themes of our own: one in true colour, one in the terminal's palette.

Blue and orange instead of green and red, so that colour-blind operators see the difference; every colour repeats what
a word or a sign says already. The variables are the statuses' names, and `held`.
"""

from __future__ import annotations

from typing import Final

from textual.theme import BUILTIN_THEMES, Theme

_INK: Final = "#e8eaed"
_PAPER: Final = "#0e1116"
_BLUE: Final = "#6cb6ff"
_ORANGE: Final = "#ffa657"

STATUS_COLORS: Final = {
    "draft": _INK,
    "scheduled": _BLUE,
    "in_progress": "#ffffff",
    "held": _ORANGE,
    "completed": _INK,
    "failed": _ORANGE,
    "cancelled": _INK,
}
"""Our own variables: the defaults under another theme (`App.get_theme_variable_defaults`)."""

DARK: Final = Theme(
    name="sendoff",
    primary="#2f6fb0",
    secondary="#8aa4bf",
    accent=_BLUE,
    warning=_ORANGE,
    error="#ff8b3d",
    success=_BLUE,
    foreground=_INK,
    background=_PAPER,
    surface="#171c23",
    panel="#222a34",
    text_alpha=1.0,
    variables={
        "text-muted": "#a3adb8",
        **STATUS_COLORS,
        "border": "#5b6875",
        "border-blurred": "#3b4652",
        "block-cursor-background": _INK,
        "block-cursor-foreground": _PAPER,
        "block-cursor-text-style": "none",
        "input-cursor-background": _INK,
        "input-cursor-foreground": _PAPER,
        "scrollbar": "#5b6875",
        "scrollbar-hover": "#5b6875",
        "scrollbar-active": _BLUE,
        "scrollbar-background": _PAPER,
        "scrollbar-background-hover": _PAPER,
        "scrollbar-background-active": _PAPER,
        "scrollbar-corner-color": _PAPER,
    },
)

ANSI: Final = Theme(
    name="sendoff-ansi",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_bright_blue",
    warning="ansi_yellow",
    error="ansi_yellow",
    success="ansi_bright_blue",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "text-muted": "ansi_default",
        "draft": "ansi_default",
        "scheduled": "ansi_bright_blue",
        "in_progress": "ansi_default",
        "held": "ansi_yellow",
        "completed": "ansi_default",
        "failed": "ansi_yellow",
        "cancelled": "ansi_default",
        "border": "ansi_default",
        "border-blurred": "ansi_default",
        "scrollbar": "ansi_default",
        "scrollbar-background": "ansi_default",
    },
)

THEMES: Final = (DARK, ANSI)
