"""A reviewer at the ranking page, in a real browser: compares two lists by keys, grades, and approves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builders.browser import browser

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"


def review(url: str, token: str, folder: Path, deployment: str, comment: str) -> dict[str, Any]:
    """Return what was seen on the way to an approval."""
    with browser(folder) as tab:
        tab.size(1200, 900)
        tab.log_in(url, token)
        tab.open(f"{url}/ranking/?deployment={deployment}#compare")
        tab.wait("document.querySelector('#lists h2')")
        seen: dict[str, Any] = {"before": tab.text()}
        seen["queries"] = tab.run("document.querySelectorAll('.queries li').length")
        seen["query"], seen["lists"] = tab.run("document.querySelector('#lists h2').textContent"), _lists(tab)
        seen["whose before"] = _whose(tab)

        tab.run("document.querySelector('#lists li').focus()")
        tab.press("3")
        seen["graded"] = tab.run("document.activeElement.querySelector('[aria-pressed=true]').textContent")
        tab.press("ArrowRight")
        tab.wait("[...document.querySelectorAll('.whose')].every(one => one.textContent)")
        seen["whose"] = _whose(tab)
        tab.run("document.querySelector('#keep').click()")
        seen["kept"] = tab.wait("document.querySelector('#notice').textContent.match(/grade/)?.input ?? ''")
        reason = "[...document.querySelectorAll('#lists li > button')].find(one => one.textContent === 'why below?')"
        tab.run(f"{reason}.click()")
        seen["reasons"] = tab.wait("document.querySelectorAll('#reasons tbody tr').length")
        seen["unreadable"] = tab.unreadable()

        tab.run(f"document.querySelector('#typed').value = {HOSTILE!r}")
        tab.run("document.querySelector('#typed').form.requestSubmit()")
        tab.wait("document.querySelector('#lists h2').textContent.startsWith('<img')")
        seen["title"], seen["made"] = tab.run("document.title"), tab.run("document.querySelectorAll('img').length")

        tab.size(390, 800)
        seen["too wide"] = tab.run("document.documentElement.scrollWidth > window.innerWidth")
        seen["unreadable"] += tab.unreadable()
        tab.size(1200, 900)

        tab.run("document.querySelector('#golden-query').value = document.querySelector('.queries span').textContent")
        tab.run(f"document.querySelector('#golden-item').value = {seen['lists'][0][0]!r}")
        tab.run("document.querySelector('#golden-query').form.requestSubmit()")
        seen["golden"] = tab.wait("document.querySelector('[aria-label=\"Golden queries\"] tbody tr')?.innerText ?? ''")

        _answer(tab, "")
        seen["without a comment"] = tab.wait("document.querySelector('#notice').textContent")
        _answer(tab, comment)
        tab.wait("document.querySelector('#compare h2').textContent.startsWith('Nothing waits')")
        seen["answered"] = tab.run("document.querySelector('#notice').textContent")
        for name in ("live", "history"):
            tab.run(f"location.hash = {name!r}")
            tab.wait(f"document.querySelector('#{name} h2')")
            seen["unreadable"] += tab.unreadable()
        seen["errors"] = list(tab.said)
        return seen


def _lists(tab: Any) -> list[list[str]]:
    return tab.run(
        "[...document.querySelectorAll('#lists ol')].map(list => [...list.children].map(one => one.dataset.id))"
    )


def _whose(tab: Any) -> list[str]:
    return tab.run("[...document.querySelectorAll('.whose')].map(one => one.textContent)")


def _answer(tab: Any, comment: str) -> None:
    tab.run(f"document.querySelector('#comment').value = {comment!r}")
    tab.run("[...document.querySelectorAll('#compare form button')].find(one => one.textContent === 'Approve').click()")
