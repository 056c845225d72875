"""What the demo model can do, one module a skill; the first that fits a message answers it.

A skill is a module with a function `plan`: what to do about the user's last message, or None if
that is not for this skill. A plan depends on the conversation alone, so that it comes out the same
again when a tool has answered.
"""

from typing import Protocol

from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.plan import Plan
from assistants.engine.demo.skills import (
    algebra,
    arithmetic,
    charts,
    column_facts,
    curves,
    functions,
    made_up_data,
    restyling,
    running_code,
    saving,
    searching,
    showing_code,
    small_talk,
    summaries,
)


class Skill(Protocol):
    """The form of every module here."""

    def plan(self, conversation: Conversation) -> Plan | None: ...


SKILLS: tuple[Skill, ...] = (
    running_code,
    showing_code,
    functions,
    restyling,
    saving,
    curves,
    made_up_data,
    charts,
    column_facts,
    algebra,
    arithmetic,
    searching,
    summaries,
    small_talk,
)
"""Narrow skills first; `small_talk` has an answer to everything."""
