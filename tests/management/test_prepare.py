"""``manage.py prepare``: what is there before the processes start."""

import os
import time
from pathlib import Path

from pytest_django import Settings

from playground.management.commands.prepare import KEEP_UPLOADS_SECONDS, Command


def test_what_a_killed_server_was_taking_in_is_removed_once_it_is_old(
    settings: Settings, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    for name in ("tmp1.upload", "tmp2.upload.csv", "tmp3.upload", "notes.txt"):
        (tmp_path / name).write_bytes(b"half")
    long_ago = time.time() - KEEP_UPLOADS_SECONDS - 1
    for name in ("tmp1.upload", "tmp2.upload.csv", "notes.txt"):
        os.utime(tmp_path / name, (long_ago, long_ago))

    Command().clear_uploads()

    assert {path.name for path in tmp_path.iterdir()} == {"tmp3.upload", "notes.txt"}
