"""Who may open the page's doors: each of them, asked of a real Airflow API server."""

import json
from pathlib import Path

import pytest

from builders.airflow_process import run_with_airflow

pytestmark = pytest.mark.services
PROBE = Path(__file__).parents[2] / "builders" / "page_probe.py"
USERS = {"admin": "admin", "mira": "user", "guest": "viewer"}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What every door of the page answers to whom."""
    home = tmp_path_factory.mktemp("airflow")
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(USERS, "word")))
    said = run_with_airflow(
        home,
        str(PROBE),
        str(passwords),
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=",".join(f"{user}:{role}" for user, role in USERS.items()),
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(passwords),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
        AIRFLOW__API_AUTH__JWT_SECRET="a secret of a test, long enough for every digest that signs with it: sixty-four",
        AIRFLOW__API__BASE_URL="http://airflow.example",
    )
    return json.loads(said)


def test_without_a_log_in_every_door_is_shut(answers):
    assert len(answers["routes"]) >= 9
    assert set(answers["anonymous"].values()) == {401}


def test_nothing_describes_the_page_and_nothing_else_is_served(answers):
    assert answers["described"] == [404, 404]
    assert answers["outside"] == [404, 404, 404]
    assert "there is no deployment" in answers["unknown"]["problem"]


def test_who_may_only_look_cannot_write(answers):
    writes = {door: status for door, status in answers["viewer"].items() if door.startswith("POST")}

    assert writes
    assert set(writes.values()) == {403}
    assert answers["viewer"]["GET /"] == 200


def test_a_write_must_come_from_the_page_itself(answers):
    """SameSite cookies are sent from another port too, where MLflow may be."""
    passed = {led for led, status in answers["writes"].items() if status not in (403, 415)}

    assert passed == {"own", "own, old browser"}
    assert answers["writes"]["own"] == 400, "there is no such deployment"


def test_a_browser_is_told_to_run_only_what_is_ours(answers):
    for door, kind in (("page", "text/html"), ("file", "text/javascript")):
        status, content, policy, cache, sniff = answers[door]
        assert (status, cache, sniff) == (200, "no-store", "nosniff")
        assert content.startswith(kind)
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy


def test_the_menu_leads_to_it(answers):
    assert '"href":"ranking/"' in answers["menu"].replace(": ", ":")
