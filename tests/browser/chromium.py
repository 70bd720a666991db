"""Debian's Chromium, driven by playwright, and visits by it that tell of everything that went wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, sync_playwright

from tests.browser import without_netlink

# Set to `required`, a test that needs a browser fails where there is none. Else it is skipped.
BROWSER_VARIABLE = "MWAA_LOCAL_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser")
TIMEOUT_MS = 120_000  # on a machine that does much besides
WHY_NONE = f"no {' or '.join(NAMES)} on the PATH; tests/browser/prepare.sh installs Debian's"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser. Not for longer than a file of tests: while it runs, its thread can run no loop of asyncio."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get(BROWSER_VARIABLE) == "required":
            pytest.fail(f"{BROWSER_VARIABLE} is set to `required`, but there is {WHY_NONE}", pytrace=False)
        pytest.skip(WHY_NONE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=without_netlink.__file__,
            args=["--disable-dev-shm-usage"],
            env={**os.environ, without_netlink.PROGRAM_VARIABLE: path},
            timeout=TIMEOUT_MS,
        )
        yield browser
        browser.close()


@dataclass
class Visit:
    """One visitor with cookies of their own, and all that went wrong on the pages they saw."""

    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, browser: Browser, **more: Any) -> Visit:
        context = browser.new_context(**more)
        context.set_default_timeout(TIMEOUT_MS)
        visit = cls(context, context.new_page())
        visit.page.on("pageerror", lambda error: visit.problems.append(f"error: {error}"))
        visit.page.on("dialog", visit._note_dialog)
        visit.page.on("console", visit._note_message)
        return visit

    def _note_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)
