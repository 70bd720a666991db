#!/usr/bin/env python3
"""Become the program that $WITHOUT_NETLINK names, which then cannot learn of this machine's networks.

Chromium ends every page that it is loading, those of localhost too, with ERR_NETWORK_CHANGED when an interface comes or
goes, as one does with each container of the tests beside. It hears of that by netlink(7); a seccomp(2) filter refuses
it such sockets, as a sandbox would.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

PROGRAM_VARIABLE = "WITHOUT_NETLINK"
# linux/prctl.h, linux/seccomp.h, linux/filter.h, linux/audit.h, and the number of socket(2) on each machine.
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16  # struct seccomp_data


def refuse_netlink() -> None:
    """Take this process, and whatever it becomes, the right to netlink sockets. Raises OSError, KeyError."""
    architecture, socket_number = ARCHITECTURES[platform.machine()]
    steps = [
        (LOAD_WORD, 0, 0, ARCHITECTURE_AT),
        (JUMP_IF_EQUAL, 0, 5, architecture),
        (LOAD_WORD, 0, 0, NUMBER_AT),
        (JUMP_IF_EQUAL, 0, 3, socket_number),
        (LOAD_WORD, 0, 0, FIRST_ARGUMENT_AT),
        (JUMP_IF_EQUAL, 0, 1, socket.AF_NETLINK),
        (RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)):
        if prctl(*(ctypes.c_ulong(word) if isinstance(word, int) else word for word in words)) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    refuse_netlink()
    os.execv(os.environ[PROGRAM_VARIABLE], [os.environ[PROGRAM_VARIABLE], *sys.argv[1:]])
