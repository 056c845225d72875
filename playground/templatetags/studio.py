"""Tags and filters of the studio's templates: icons, and quantities as people read them."""

import json
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import template
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import get_language, gettext, ngettext, to_locale

from assistants.models import File, Run, RunStatus, RunStep
from assistants.operations import vector_store_files
from assistants.operations.search import Found
from playground import access, scopes, service_words, usage
from playground import words as api_words
from playground.rendering import code, files, pages, previews

if TYPE_CHECKING:
    from playground.views.files import Row

register = template.Library()

ICONS = {
    "in_progress": "in-progress",
    "requires_action": "requires-action",
    "code_interpreter": "code",
    "message_creation": "answer",
}
"""Icons that are not called as what they stand for."""
SOME = 12
"""So many names are listed, and the others counted."""


@register.simple_tag
def page_language() -> str:
    """The page's language as HTML names it: "zh-Hant"."""
    return to_locale(get_language() or "en").replace("_", "-")


@register.simple_tag
def icon(name: str, kind: str = "") -> SafeString:
    """An icon of the sprite, by its own name or by the API's word for what it shows."""
    return files.icon(ICONS.get(name, name), kind)


@register.filter
def direction(text: str) -> str:
    """How a text runs that a person wrote, for the element that cuts it off where it ends: as its
    first letter does.
    """
    kinds = (unicodedata.bidirectional(letter) for letter in text)
    first = next((kind for kind in kinds if kind in ("L", "R", "AL")), "L")
    return "ltr" if first == "L" else "rtl"


@register.filter
def run_name(run: Run | None) -> str:
    """What names the run on the page; "" for none."""
    return scopes.name_of_run(run.id) if run else ""


@register.filter
def words(value: str) -> str:
    """The API's word as a person reads it: ``in_progress`` is "In progress"."""
    return api_words.word(str(value))


@register.filter
def tail(object_id: str) -> str:
    """The end of an id."""
    return api_words.tail(object_id)


@register.filter
def person(user: User) -> str:
    """What others see of a person."""
    return access.name_of(user)


@register.filter
def people(users: list[User]) -> str:
    """What others see of these people, as a list."""
    return api_words.listed([access.name_of(user) for user in users])


@register.filter
def told(text: str | None) -> str:
    """What the service says, in the reader's language."""
    return service_words.told(text)


@register.filter
def some(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    listed = api_words.listed([str(name) for name in names[:SOME]])
    if len(names) <= SOME:
        return listed
    more = len(names) - SOME
    return ngettext("%(names)s and %(n)d more", "%(names)s and %(n)d more", more) % {
        "names": listed,
        "n": more,
    }


@register.filter
def size(count: int) -> str:
    """Bytes in the largest unit that leaves a number: "412 kB"."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.5 or unit == "GB":
            return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
    return ""


@register.filter
def used_in(row: "Row") -> SafeString:
    """Links to whatever uses a file, and how many more threads there are."""
    links = [
        _link("assistant", assistant.id, assistant.name or gettext("Untitled"))
        for assistant in row.assistants
    ]
    for store in row.vector_stores:
        link = _link("vector-store", store.id, store.name or store.id)
        links.append(format_html(gettext("the vector store {store}"), store=link))
    for thread in row.threads:
        title = Truncator(thread.title or gettext("Untitled thread")).chars(40)
        links.append(_link("thread", thread.id, title))
    listed = mark_safe(api_words.listed(links))  # noqa: S308  (of escaped parts)
    if not row.more:
        return listed
    return format_html(
        ngettext("{places} and {n} more thread", "{places} and {n} more threads", row.more),
        places=listed,
        n=number(row.more),
    )


def _link(page: str, pk: str, name: str) -> SafeString:
    return format_html('<a href="{}"><bdi>{}</bdi></a>', reverse(page, args=[pk]), name)


@register.filter
def openers(file: File) -> list[str]:
    """The tools that can open a file of this name."""
    searchable = vector_store_files.is_searchable(file.filename)
    return ["code_interpreter", *(["file_search"] if searchable else [])]


@register.filter
def seconds(value: float | None) -> str:
    """A duration: "4.2 s", "3 min 5 s"."""
    if value is None:
        return ""
    if value < 59.95:
        return gettext("{seconds} s").format(seconds=f"{max(value, 0):.1f}")
    whole = round(value)
    return gettext("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=whole % 60)


@register.filter
def took(work: Run | RunStep) -> str:
    """How long it ran. Next to "Expired" a bare duration would tell how long ago that was."""
    duration = seconds(work.seconds)
    if duration and work.status == RunStatus.EXPIRED:
        return gettext("took {duration}").format(duration=duration)
    return duration


@register.filter
def passage_address(found: Found) -> str:
    """Where the text of its file is shown, at the passage."""
    return files.text_address(found.file_id, found.start, found.end)


@register.filter
def page_of(filename: str, number: int | None) -> str:
    """What a part of this file is called: "page 3", "slide 3"."""
    return pages.page_name(filename, number)


@register.filter
def preview(text: str, filename: str) -> str:
    """A passage of this file without the signs of Markdown."""
    return previews.preview(text, filename)


@register.filter
def number(value: int | None) -> str:
    """With separators between thousands."""
    return "" if value is None else number_format(value, use_l10n=True, force_grouping=True)


@register.filter
def tokens(used: Mapping[str, int] | None) -> str:
    """Tokens read and written: "1,234→567", or a dash where none were counted."""
    if not used or not used["total_tokens"]:
        return "–"
    return f"{number(used['prompt_tokens'])}→{number(used['completion_tokens'])}"


@register.filter
def price(run: Run) -> str:
    """What the run costs: "free", "$0.0061" or "price unknown"."""
    return usage.of_run(run)


@register.filter
def highlighted(source: str, language: str) -> SafeString:
    """Source code with coloured words, without a frame."""
    return code.highlight(source, language)


@register.filter
def stamp(moment: datetime) -> str:
    """A key that sorts as the moments do; what the page orders the parts of a thread by."""
    return f"{moment.timestamp():.6f}"


@register.filter
def file_address(file_id: str) -> str:
    """Where the file's bytes are."""
    return files.address(file_id)


@register.filter
def large_address(file_id: str) -> str:
    """Where the image is shown large."""
    return files.large_address(file_id)


@register.filter
def shortly(moment: datetime) -> str:
    """When something was, in as few letters as tell it: "10:41", "Fri", "19 Nov"."""
    local = timezone.localtime(moment)
    days = (timezone.localdate() - local.date()).days
    if days < 2:
        return date_format(local, "H:i")
    if days < 7:
        return date_format(local, "WEEKDAY")
    return date_format(local, "SHORT_DAY" if days < 300 else "SHORT_MONTH")


@register.filter
def pretty(value: Any) -> SafeString:
    """JSON over several lines, highlighted."""
    return code.highlight(json.dumps(value, ensure_ascii=False, indent=2), "json")


@register.filter
def at(mapping: Mapping[str, Any], key: str) -> Any:
    """The value under a key that is only known here."""
    return mapping[key]


@register.filter
def linecount(text: str) -> int:
    """How many lines the text has."""
    return text.rstrip("\n").count("\n") + 1
