"""What went wrong in words that say what to do, in English and Thai; standard library only, for set-up."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import TextIO


class Trouble(Exception):
    """A failure the person at the keyboard can do something about: shown as it is, without a traceback, exit code 1."""

    def __init__(self, en: str, th: str) -> None:
        super().__init__(en)
        self.en = en
        self.th = th

    def show(self, stream: TextIO | None = None) -> None:
        """Print both languages, indented below one another."""
        lines = [*self.en.strip().splitlines(), *self.th.strip().splitlines()]
        print("jitasa: " + "\n        ".join(lines), file=stream or sys.stderr, flush=True)


def disk_full(where: Path | str) -> Trouble:
    """The disk that holds `where` is full."""
    return Trouble(
        f"The disk is full: nothing more can be written to {where}.\n"
        "Make room (a first set-up needs about 1 GB), or choose another disk with JITASA_HOME=/another/folder,\n"
        "then run this again.",
        f"ดิสก์เต็ม เขียนข้อมูลลงใน {where} ไม่ได้อีก\n"
        "กรุณาลบไฟล์ที่ไม่ใช้ (การติดตั้งครั้งแรกใช้ประมาณ 1 GB) หรือกำหนด JITASA_HOME=/โฟลเดอร์/อื่น แล้วสั่งอีกครั้ง",
    )


def not_writable(where: Path | str) -> Trouble:
    """The folder `where` may not be written."""
    return Trouble(
        f"The folder {where} cannot be written.\n"
        "Change its permissions, or choose another one with JITASA_HOME=/another/folder.",
        f"ไม่มีสิทธิ์เขียนลงใน {where}\nกรุณาแก้สิทธิ์ของโฟลเดอร์ หรือกำหนด JITASA_HOME=/โฟลเดอร์/อื่น",
    )


def no_network(what: str) -> Trouble:
    """`what` could not be fetched because its server was not reached."""
    return Trouble(
        f"No network: {what} could not be fetched.\n"
        "The first set-up downloads about 250 MB; later starts need no network. Check the connection or proxy\n"
        "(HTTPS_PROXY) and run this again: it goes on where it stopped.",
        f"ไม่มีเครือข่าย: ดาวน์โหลดไฟล์ที่ต้องใช้ไม่ได้ ({what})\n"
        "การติดตั้งครั้งแรกต้องดาวน์โหลดประมาณ 250 MB ครั้งต่อไปไม่ต้องใช้เครือข่าย กรุณาตรวจการเชื่อมต่อหรือพร็อกซี (HTTPS_PROXY) "
        "แล้วสั่งอีกครั้ง โปรแกรมจะทำต่อจากที่ค้างไว้",
    )


def of_os_error(error: OSError, where: Path | str) -> Trouble | None:
    """The trouble that an error of the operating system means, or None when it means none that we know."""
    place = error.filename if isinstance(error.filename, str) else where
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(place)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return not_writable(place)
    return None
