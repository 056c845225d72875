"""Asking a run's model: how much of the conversation it is told, and what it is told instead when
it turns out to take less than was thought.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from opentelemetry.trace import StatusCode

from assistants import tokens
from assistants.engine import context, toolless
from assistants.engine.chat.abilities import Abilities
from assistants.engine.chat.clients import Clients
from assistants.engine.chat.patience import Patience
from assistants.engine.chat.stream import Finished, Part, Text, ToolCallPart, ask
from assistants.engine.context import Conversation
from assistants.engine.growing import Growing
from assistants.engine.tokens import Usage
from assistants.engine.writer import Database
from assistants.errors import Wire
from assistants.models import Run
from assistants.operations import budgets
from assistants.operations.chat_failures import ChatError, NoImages, NoTools, TooLong, endless
from assistants.operations.model_facts import own_name
from assistants.operations.providers import ChatModel
from assistants.traces import tracer

MAX_ANSWER: Final = 1_000_000
"""Characters of one answer, text and arguments together: about twice of what the models with the
longest answers can give. What goes on beyond it goes in circles, and all that it says is kept,
sent on and shown.
"""

LENIENCE: Final = 1.25
"""A provider that keeps to the limit on an answer may count fewer tokens than we do. One that goes
beyond this does not know the limit, and is cut off.
"""

MAX_LESSONS: Final = 4
"""So often the model is told anew, because it took less than was thought."""


@dataclass(frozen=True)
class Asking:
    """What the runs of a worker share for it: what one learns of a model, the others know."""

    clients: Clients
    database: Database
    storage: Database
    abilities: Abilities = field(default_factory=Abilities)
    patience: Patience = field(default_factory=Patience.of_settings)

    async def answer(
        self, run: Run, model: ChatModel, conversation: Conversation, options: Wire, spent: Wire
    ) -> AsyncGenerator[Part, None]:
        """The parts of the model's answer, with a ``Usage`` among them.

        :param options: parameters of the request, the tools among them
        :param spent: what the run's earlier turns have used
        :raises ChatError: as ``chat.stream.ask``
        :raises OutOfQuota: a budget of tokens is used up
        """
        count = partial(tokens.count, model=own_name(model.name))
        around = count(json.dumps(options.get("tools", "")))
        for _ in range(MAX_LESSONS):
            limit = context.budget(run, self.abilities.window(model), spent) - around
            sees = self.abilities.sees(model)
            # Not on the loop: counting takes 45 ms for a million tokens.
            reads = sees and conversation.has_image_files()
            told, size = await (self.storage if reads else self.database)(
                context.told, run, conversation, limit, count, sees=sees
            )
            if "tools" not in options and not self.abilities.calls_tools(model):
                told = toolless.in_words(told)
            request = {"model": model.name, "messages": told, **options}
            used = int(spent["total_tokens"])
            await self.database(budgets.admit_call, run, used, around + size)
            try:
                async with aclosing(self._counted(model, request, around + size)) as parts:
                    async for part in parts:
                        yield part
                return
            except TooLong as error:
                if len(told) <= 2:
                    raise
                self.abilities.learn_window(model, error.window, sent=around + size)
            except NoImages:
                if not sees:
                    raise
                self.abilities.learn_blind(model)
            except NoTools:
                self.abilities.learn_toolless(model)
                raise
        message = f"{model.provider.label} takes no part of this conversation. Begin a new thread."
        raise ChatError("invalid_prompt", message)

    async def _counted(
        self, model: ChatModel, request: Wire, size: int
    ) -> AsyncGenerator[Part, None]:
        """The parts, with a usage of our own where the provider tells none.

        :param size: about how many tokens the request has
        """
        client = self.clients.of(model.provider)
        spoken, has_begun, is_counted = Growing(), False, False
        limit = request.get("max_completion_tokens")
        look_at = limit or MAX_ANSWER
        span = tracer.start_span("chat", attributes={"provider": model.provider.label})
        try:
            answering = ask(client, model.provider.label, request, self.patience)
            async with aclosing(answering) as parts:
                async for part in parts:
                    if not has_begun:
                        # So far, in case the answer is broken off.
                        yield Usage(size, told=False)
                    has_begun = True
                    match part:
                        case Usage():
                            is_counted = True
                        case Text(text):
                            spoken.append(text)
                        case ToolCallPart():
                            spoken.append(part.arguments)
                    if len(spoken) > MAX_ANSWER:
                        raise endless(model.provider.label, f"{MAX_ANSWER:,} characters")
                    yield part
                    if limit and len(spoken) > look_at:
                        # Counting costs; an answer is counted when it has grown by a quarter.
                        look_at = len(spoken) * 5 // 4
                        if tokens.count(str(spoken), own_name(model.name)) > limit * LENIENCE:
                            yield Finished("length")
                            break
        except ChatError as error:
            span.set_status(StatusCode.ERROR, error.code)
            raise
        finally:
            span.end()
        if not is_counted:
            yield Usage(size, tokens.count(str(spoken), own_name(model.name)), told=False)
