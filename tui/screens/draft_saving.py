"""Saving the draft and reading its contact file, with what becomes of it when somebody else was quicker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from engine import schedule
from engine.commands import drafts, duplicating
from engine.errors import BadInput, EngineError, Refused
from engine.text import shown
from store import audit, campaigns
from store.errors import StoreError
from store.types import Status
from tui.command import refusal
from tui.commands import COMMANDS
from tui.screens.base import as_told
from tui.screens.draft_choice import Choice, Way
from tui.screens.draft_choices import FILE, NUMBER, SHEET, file_errors, file_hint
from tui.screens.draft_fields import OF_FILE
from tui.screens.draft_form import OpenDraft
from tui.screens.draft_import import Import, Stopped, columns_in, sheets_in
from tui.screens.draft_view import DraftView

if TYPE_CHECKING:
    from store.types import AuditEvent, Campaign, DraftFields
    from tui.screens.draft_form import FileChoice

CONFLICTS: Final = frozenset(("changed_meanwhile", "not_editable", "not_found"))
"""Somebody else was quicker: what is typed is kept, and the operator says what becomes of it."""
_PROGRESS_S: Final = 0.25
_RECENT: Final = 20
_OVERWRITE, _THEIRS, _NEW = "o", "r", "n"


class DraftSaving(DraftView):
    """One write at a time; nothing typed is lost by one that is refused."""

    def __init__(self) -> None:
        super().__init__()
        self._writing = asyncio.Lock()
        self._tried: FileChoice | None = None
        """The file as it was last tried, so that leaving its fields does not try the same again."""

    async def open(self, campaign_id: int | None) -> None:
        """Show a draft."""
        raise NotImplementedError

    async def save(self) -> bool:
        """Save what is not saved yet; tells whether everything is. For workers only: it may ask something."""
        async with self._writing:
            error = await self._save()
        if error is None:
            return True
        if error.code in CONFLICTS and self.draft.campaign_id is not None:
            return await self._settle(error)
        self.tell(error)
        return False

    async def _save(self) -> EngineError | None:
        form, keys = self.panel.form, self.panel.keys
        if not self.draft.unsaved(form, keys):
            return None
        fields, draft = form.fields(keys), self.draft
        try:
            if draft.campaign_id is None:
                campaign = await self.services.threads.write(self._create, fields)
                self.draft = replace(draft, campaign_id=campaign.id, version=campaign.version, saved=fields)
            else:
                await self.services.threads.write(
                    drafts.edit, self.services.context, draft.campaign_id, draft.version, fields
                )
                # One more, and not what is stored now: that may be somebody else's change after this one.
                self.draft = replace(draft, version=draft.version + 1, saved=fields)
        except (EngineError, StoreError) as error:
            return as_told(error)
        if self.panel.form.fields(self.panel.keys) == fields:
            self.panel.mark_saved()
        self.show_header()
        self.look()
        return None

    def _create(self, fields: DraftFields) -> Campaign:
        return campaigns.get(drafts.create(self.services.context, fields))

    # Somebody else was quicker

    async def _settle(self, error: EngineError) -> bool:
        """Ask whose changes are kept; tells whether mine are saved."""
        campaign_id = self.draft.campaign_id
        # Only a draft that was stored can have been changed by somebody else.
        assert campaign_id is not None
        told = None
        try:
            theirs = await self.services.threads.read(campaigns.get, campaign_id)
            told = await self.last_change(campaign_id)
        except StoreError:
            theirs = None
        ways = [Way(_NEW, "Save mine as a new draft")]
        if theirs is not None and theirs.status is Status.DRAFT:
            ways = [Way(_OVERWRITE, "Overwrite theirs"), Way(_THEIRS, "Take theirs"), *ways]
        lines = [told or error.message, "Nothing of what you typed is lost; it is not saved yet."]
        answer = await self.app.push_screen_wait(
            Choice("Somebody else was here", lines, ways, "Stay", self.services.context.clock.steady)
        )
        if answer == _OVERWRITE and theirs is not None:
            self.draft = replace(self.draft, version=theirs.version)
            return await self.save()
        if answer == _THEIRS:
            await self.open(campaign_id)
        return answer == _NEW and await self._save_as_new(campaign_id, theirs is not None)

    async def last_change(self, campaign_id: int) -> str | None:
        """Who changed a campaign last, when and what, in a sentence; `None` where nothing is known of it."""
        try:
            events = await self.services.threads.read(partial(audit.events, campaign_id, limit=_RECENT))
        except StoreError:
            return None
        # What is refused is noted too.
        done = [event for event in events if not event.action.endswith(".refused")]
        return _what_they_did(done[-1], self.services.zone, self.services.now) if done else None

    async def _save_as_new(self, campaign_id: int, copy: bool) -> bool:
        """Save the form as another draft, with the audience where there is still one to copy."""
        fields = self.panel.form.fields(self.panel.keys)

        def make() -> Campaign:
            context = self.services.context
            if not copy:
                return self._create(fields)
            new = campaigns.get(duplicating.duplicate(context, campaign_id))
            return drafts.edit(context, new.id, new.version, fields)

        campaign = await self.doing(make)
        if campaign is None:
            return False
        self.draft = OpenDraft(
            campaign.id, campaign.version, campaign.status, fields, self.draft.read, campaign.audience
        )
        self.panel.mark_saved()
        self.show_header()
        self.look()
        return True

    # The contact file

    async def read_file(self) -> bool:
        """Read the file chosen into the draft; tells whether that worked. For workers only: it may ask something."""
        choice = self.panel.form.file
        self._tried = choice
        if not self._may_read(choice):
            return False
        job = Import(choice)
        self.importing = job
        for name in OF_FILE:
            self.panel.fields[name].set_error()
        self.show_result()
        progress = self.set_interval(_PROGRESS_S, self.show_result)
        error: EngineError | None = None
        try:
            error = await self._import(job)
        except Stopped:
            error = Refused("stopped", "Stopped. The audience is as it was before.")
        finally:
            progress.stop()
            # When the console ends, this ends before the thread: it is not to wait for the rest of the file.
            job.stop()
            self.importing = None
        self.show_result()
        self.look()
        if error is None:
            return True
        if error.code == "stopped":
            self.tell(error)
            return False
        if error.code in CONFLICTS and self.draft.campaign_id is not None:
            return await self._settle(error) and await self.read_file()
        await self._show_file_error(choice, error)
        self.show_timing()
        return False

    def _may_read(self, choice: FileChoice) -> bool:
        refused = refusal(COMMANDS["draft.save"], self)
        if self.importing is not None:
            refused = Refused("importing", f"It is still {self.importing.words}.")
        if refused is not None:
            self.tell(refused)
            return False
        if not choice.path:
            self.panel.fields[FILE].set_error("Type the path of the file: it has to be read again.")
            self.show_timing()
            return False
        return True

    async def _import(self, job: Import) -> EngineError | None:
        async with self._writing:
            if self.draft.campaign_id is None and (error := await self._save()) is not None:
                return error
            draft = self.draft
            assert draft.campaign_id is not None
            try:
                imported = await self.services.threads.write(
                    job.run, self.services.context, draft.campaign_id, draft.version
                )
                campaign = await self.services.threads.read(campaigns.get, draft.campaign_id)
            except (EngineError, StoreError) as error:
                return as_told(error)
            form, read = imported.format, job.choice
            if self.panel.form.file == job.choice:
                if len(form.sheets) > 1:
                    # Which sheet was taken is to be seen, and another one can be.
                    self.panel.offer_sheets(form.sheets, form.sheet)
                    self._tried = read = self.panel.form.file
                self.panel.mark_read()
            self.draft = replace(draft, version=draft.version + 1, read=read, audience=campaign.audience)
            for warning in form.warnings:
                self.notify(shown(warning), severity="warning", markup=False)
            self.position = 0
            return None

    async def _show_file_error(self, choice: FileChoice, error: EngineError) -> None:
        field = file_errors(error.code)
        try:
            if field in (NUMBER, SHEET):
                self.panel.offer_sheets(await self.services.threads.read(sheets_in, choice), choice.sheet)
            if field == NUMBER:
                self.panel.offer_number_columns(await self.services.threads.read(columns_in, choice))
        except BadInput:
            # It cannot even be looked into any more: the error is shown, and there is nothing to choose.
            self.panel.offer_number_columns(())
        if field == SHEET and not self.panel.fields[SHEET].display:
            field = FILE
        message = f"{error.message} {file_hint(error.code, error.hint)}".strip()
        self.panel.fields[field].set_error(shown(message))


def _what_they_did(event: AuditEvent, zone: str, now: int) -> str:
    """Who changed the campaign last, when and what."""
    changed = [field.replace("_", " ") for field, value in event.after.items() if event.before.get(field) != value]
    what = f" ({', '.join(changed)})" if event.action == "campaign.edit" and changed else f" ({event.action})"
    return f"{shown(event.actor)} changed it {schedule.short(event.at, zone, now)}{what}."
