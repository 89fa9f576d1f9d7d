"""A program: starts Airflow's API server in this process and knocks at every door of the ranking page.

Prints one line of JSON: what was answered to whom.
"""

import json
import subprocess
import sys

from airflow.api_fastapi.app import create_app
from fastapi.testclient import TestClient


def main() -> None:
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    client = TestClient(create_app(), base_url="http://airflow.example", raise_server_exceptions=False)
    from reprise.lifecycle.page.app import build

    page = build()
    routes = sorted((route.path, method) for route in page.routes for method in route.methods or () if method != "HEAD")
    with open(sys.argv[1], encoding="utf-8") as file:
        passwords = json.load(file)
    tokens = {user: token(client, user, password) for user, password in passwords.items()}
    as_user = {"Authorization": f"Bearer {tokens['mira']}"}
    found = {
        "routes": routes,
        "anonymous": {f"{m} {path}": knock(client, m, path) for path, m in routes},
        "viewer": {
            f"{m} {path}": knock(client, m, path, {"Authorization": f"Bearer {tokens['guest']}"}) for path, m in routes
        },
        "described": [client.get(f"/ranking/{path}", headers=as_user).status_code for path in ("docs", "openapi.json")],
        "page": headers_of(client.get("/ranking/", headers=as_user)),
        "file": headers_of(client.get("/ranking/static/page.js", headers=as_user)),
        "outside": [
            client.get(f"/ranking/static/{name}", headers=as_user).status_code
            for name in ("..%2fapp.py", "%2e%2e/security.py", "page.py")
        ],
        "unknown": client.get("/ranking/api/live?deployment=../etc", headers=as_user).json(),
        "menu": client.get("/api/v2/plugins", headers={"Authorization": f"Bearer {tokens['admin']}"}).text,
        "writes": writes(client, tokens["mira"]),
    }
    print(json.dumps(found))


def token(client: TestClient, user: str, password: str) -> str:
    return client.post("/auth/token", json={"username": user, "password": password}).json()["access_token"]


def knock(client: TestClient, method: str, path: str, headers: dict[str, str] | None = None) -> int:
    address = "/ranking" + path.replace("{name}", "page.js")
    query = {"deployment": "demo", "run_id": "r", "query": "q", "side": "left", "above": "a", "below": "b"}
    sent = {"json": {}} if method == "POST" else {"params": query}
    return client.request(method, address, headers=headers or {}, **sent).status_code


def headers_of(answer: object) -> list[object]:
    names = ("content-type", "content-security-policy", "cache-control", "x-content-type-options")
    return [answer.status_code, *(answer.headers.get(name) for name in names)]


def writes(client: TestClient, cookie: str) -> dict[str, int]:
    """A browser of somebody who is logged in, led to write by pages of several origins."""
    body = {"deployment": "nowhere", "run_id": "r", "query": "q", "preferred": "left"}
    client.cookies.set("_token", cookie)
    led = {
        "own": {"Sec-Fetch-Site": "same-origin"},
        "own, old browser": {"Origin": "http://airflow.example"},
        "same site, another port": {"Sec-Fetch-Site": "same-site", "Origin": "http://airflow.example:5000"},
        "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"},
        "another site, old browser": {"Origin": "http://evil.example"},
        "nothing said": {},
    }
    found = {
        name: client.post("/ranking/api/preference", json=body, headers=headers).status_code
        for name, headers in led.items()
    }
    form = {"Content-Type": "text/plain", "Sec-Fetch-Site": "same-origin"}
    found["a form"] = client.post("/ranking/api/preference", content=json.dumps(body), headers=form).status_code
    return found


main()
