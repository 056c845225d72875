"""Share links: making, changing and revoking them, and what readers do with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from assistants import acting, refusals
from assistants.events import signals
from assistants.models import Audience, Membership, Project, Share, Thread, clock
from assistants.operations import attempts, audit, seals

MAX_PEOPLE: Final = 100
ATTEMPTS: Final = 5
ATTEMPTS_SECONDS: Final = 300
"""So many passwords may be tried from one address in this time."""
ATTEMPTS_OF_ALL: Final = 60
ATTEMPTS_OF_ALL_SECONDS: Final = 3600
"""And so many wrong ones by all together."""


@dataclass(frozen=True)
class Options:
    """What a link shows to whom.

    :ivar live: what happens on the thread is shown as it happens; else the thread as it is now
    :ivar keeps_moment: of a link that is changed and shows a moment: that moment stays
    :ivar password: None leaves it as it is, an empty one takes it away
    """

    audience: Audience = Audience.LINK
    people: tuple[str, ...] = ()
    live: bool = False
    keeps_moment: bool = False
    shows_steps: bool = True
    shows_files: bool = True
    may_copy: bool = False
    expires_at: datetime | None = None
    password: str | None = None


@transaction.atomic
def create(thread: Thread, options: Options) -> tuple[Share, str]:
    """A new link and its token.

    :raises Invalid: nobody or too many are named, one of them is no account here, or it would have
        expired already
    """
    token = Share.new_token()
    share = Share(
        project_id=thread.project_id,
        thread=thread,
        author=acting.current().kept,
        digest=Share.digest_of(token),
        sealed_token=seals.seal(token, seals.SHARE_LINKS),
    )
    _set(share, options)
    share.save(force_insert=True)
    _note("share.created", share)
    return share, token


@transaction.atomic
def change(share: Share, options: Options) -> Share:
    """From now on the link shows this to these. Whoever has it open is asked anew.

    :raises Invalid: as ``create``, or it opens nothing any more: that is for good
    """
    row = Share.objects.select_for_update().select_related("thread").get(pk=share.pk)
    if not row.is_usable:
        raise refusals.SHARE_OVER()
    _set(row, options)
    row.save()
    _note("share.changed", row)
    signals.ring(row.id)
    return row


@transaction.atomic
def revoke(share: Share) -> None:
    """The link opens nothing from now on; streams of it end. Its row stays as a record."""
    _revoke([share])


@transaction.atomic
def revoke_all(project: Project) -> int:
    """Revoke every link of the project that still opens something; how many there were."""
    shares = list(Share.objects.filter(project=project).usable())
    _revoke(shares)
    return len(shares)


def usable_by(project_id: str, user_id: int) -> list[Share]:
    """The links of the project that this person has made and that still open something."""
    usable = Share.objects.filter(project=project_id).usable()
    return [share for share in usable if share.maker_id == user_id]


@transaction.atomic
def revoke_by(project_id: str, user_id: int) -> None:
    """Revoke every link of the project that this person has made."""
    _revoke(usable_by(project_id, user_id))


def token_of(share: Share) -> str | None:
    """The token, for who may share the thread; None if it was sealed under another SECRET_KEY."""
    return seals.unseal(share.sealed_token, seals.SHARE_LINKS)


def note_opened(share: Share) -> None:
    """Somebody has opened the page."""
    Share.objects.filter(pk=share.pk).update(opened=F("opened") + 1, last_opened_at=clock.now())


def may_open(share: Share, user_id: int) -> bool:
    """Whether this account is among those that the link is for."""
    if share.audience == Audience.LINK:
        return True
    # A member reads the thread anyway.
    if Membership.objects.filter(
        user=user_id, user__is_active=True, project=share.project_id
    ).exists():
        return True
    return share.audience == Audience.PEOPLE and user_id in share.user_ids


def unlock(share: Share, password: str, address: str) -> bool:
    """Whether this is the link's password.

    :param address: from where it is tried
    :raises RateLimited: it was tried too often
    """
    of_all, here = f"share {share.id}", f"share {share.id} {address}"
    # One address that goes on when it is refused uses up nothing of all others.
    attempts.count(here, ATTEMPTS, ATTEMPTS_SECONDS)
    attempts.count(of_all, ATTEMPTS_OF_ALL, ATTEMPTS_OF_ALL_SECONDS)
    right = share.opens_with(password)
    if right:
        attempts.forgive(here)
        attempts.take_back(of_all, ATTEMPTS_OF_ALL_SECONDS)
    else:
        with acting.acting(acting.GUEST), transaction.atomic():
            audit.note(
                "share.refused", share.project_id, share, thread=share.thread_id, address=address
            )
    return right


def _set(share: Share, options: Options) -> None:
    now = clock.now()
    names = list(dict.fromkeys(name.strip() for name in options.people if name.strip()))
    if options.audience == Audience.PEOPLE and not names:
        raise refusals.NOBODY_NAMED()
    if len(names) > MAX_PEOPLE:
        raise refusals.TOO_MANY_NAMED(limit=MAX_PEOPLE)
    if options.expires_at is not None and options.expires_at <= now:
        raise refusals.EXPIRY_PASSED()
    share.audience = options.audience
    share.people = []
    if options.audience == Audience.PEOPLE:
        share.people = [{"id": _account(name), "name": name} for name in names]
    if options.live:
        share.until, share.title = None, ""
    elif share.until is None or not options.keeps_moment:
        share.until, share.title = now, share.thread.title[:512]
    share.shows_steps, share.shows_files = options.shows_steps, options.shows_files
    share.may_copy, share.expires_at = options.may_copy, options.expires_at
    if options.password is not None:
        share.password = make_password(options.password) if options.password else ""
    share.changed_at = now


def _account(name: str) -> int:
    """Whom a name or an e-mail address means. Only the identity provider proves an address; that of
    an invitation, or one that somebody has chosen as their name, may be anybody's.

    :raises Invalid: no account here, or more than one
    """
    active = User.objects.filter(is_active=True)
    if "@" in name:
        found = active.filter(email__iexact=name, identities__isnull=False).distinct()
    else:
        found = active.filter(username=name)
        # Names that differ in nothing but large letters are different accounts.
        found = found if found.exists() else active.filter(username__iexact=name)
    ids = list(found.values_list("pk", flat=True)[:2])
    if len(ids) != 1:
        raise refusals.NO_SUCH_ACCOUNT(name=name)
    return ids[0]


def _revoke(shares: list[Share]) -> None:
    now = clock.now()
    ids = [share.pk for share in shares]
    Share.objects.filter(pk__in=ids, revoked_at=None).update(revoked_at=now, changed_at=now)
    for share in shares:
        _note("share.revoked", share)
        signals.ring(share.pk)


def _note(action: str, share: Share) -> None:
    """Who may read is told, not the link."""
    audit.note(action, share.project_id, share, thread=share.thread_id, audience=share.audience)
