"""What the scripts of the pages say. Each page brings the words in its language, as JSON in an
attribute: see ``static/js/page.js``. ``{…}`` is filled in by the script.
"""

import json

from django.utils.translation import gettext as _


def script_words() -> str:
    """JSON, by the names under which the scripts know them."""
    words = {
        "copied": _("Copied"),
        "notCopied": _("Not copied"),
        "saving": _("Saving…"),
        "seconds": _("{seconds} s"),
        "minutes": _("{minutes} min {seconds} s"),
        "onItsWay": _("A file is still on its way. Send when it has arrived."),
        "aboutFiles": _("Write what is to be done with the files, then send."),
        "notDone": _("Not done: the server does not answer."),
        "tooLarge": _("is too large"),
        "notSent": _("was not sent: the server does not answer"),
        "refused": _("was refused"),
        "cancelUpload": _("Cancel the upload of {name}"),
        "uploading": _("Uploading {name}"),
        "remove": _("Remove"),
        "stopped": _("was not sent: you stopped it"),
        "uploaded": _("{count} of {total} uploaded"),
        "more": _("and {count} more"),
    }
    return json.dumps(words, ensure_ascii=False)
