"""Sandbox Solr: the configset for each Solr version, how the server is started, and its cores.

Solr 8.11.4 is the last with LTR that Maven can bring, and runs here; 9 and 10 are rendered for your own Solr.
What differs between them is in ``solr.versions``.
"""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import httpx

from reprise.errors import ServiceError, UsageError
from reprise.sandbox.jars import jar_paths
from reprise.solr.versions import LINES

CORE = "music"
FILES = resources.files("reprise.sandbox") / "solr"


def render_configset(version: str, destination: Path) -> Path:
    """Ensure ``destination`` holds schema.xml and solrconfig.xml for a Solr version; return it.

    Other files there (feature and model stores, params.json) are Solr's own and stay.
    """
    if version not in LINES:
        raise UsageError(f"no configset for Solr {version!r}", f"choose one of: {', '.join(LINES)}")
    from jinja2 import Environment, StrictUndefined

    destination.mkdir(parents=True, exist_ok=True)
    configset = FILES / "configset"
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=True).from_string(
        (configset / "solrconfig.xml.j2").read_text(encoding="utf-8")
    )
    (destination / "solrconfig.xml").write_text(
        template.render(version=version, **vars(LINES[version])), encoding="utf-8"
    )
    (destination / "schema.xml").write_text((configset / "schema.xml").read_text(encoding="utf-8"), encoding="utf-8")
    return destination


def prepare_solr_home(home: Path) -> None:
    """Ensure Solr's folder has its solr.xml and every core in it today's configset."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "solr.xml").write_text((FILES / "solr.xml").read_text(encoding="utf-8"), encoding="utf-8")
    for properties in home.glob("*/core.properties"):
        render_configset("8.11", properties.parent / "conf")


def server_command(java: Path, home: Path, port: int, jars: Path | None = None) -> list[str]:
    """Return the command that runs Solr on 127.0.0.1 in the foreground; 512 MB heap."""
    launcher = Path(str(FILES))
    return [
        str(java),
        "-Xmx512m",
        "-Duser.timezone=UTC",
        f"-Dlog4j2.configurationFile={launcher / 'log4j2.xml'}",
        f"-Dsolr.solr.home={home}",
        f"-Dreprise.solr.port={port}",
        "-cp",
        ":".join(map(str, jar_paths("solr", jars))),
        "org.eclipse.jetty.xml.XmlConfiguration",
        str(launcher / "jetty.xml"),
    ]


def server_trouble(solr_url: str, home: Path) -> str:
    """Return "" when the server answers and every core it has loads and answers a ping, else what is wrong."""
    try:
        answer = httpx.get(f"{solr_url}/admin/cores", params={"indexInfo": "false"}, timeout=10)
        if answer.status_code != 200:
            return f"{solr_url} answers {answer.status_code}"
        for name, failure in answer.json()["initFailures"].items():
            return f"core {name} does not load: {failure}"
        for properties in home.glob("*/core.properties"):
            core = properties.parent.name
            if (status := httpx.get(f"{solr_url}/{core}/admin/ping", timeout=10).status_code) != 200:
                return f"core {core} answers {status}"
    except httpx.HTTPError as error:
        return f"{solr_url}: {error or type(error).__name__}"
    return ""


def create_core(solr_url: str, home: Path, name: str = CORE) -> str:
    """Ensure a core exists, with a config folder of its own; return its URL. A new one is empty."""
    if not (home / name / "core.properties").exists():
        render_configset("8.11", home / name / "conf")
        _admin(solr_url, action="CREATE", name=name, instanceDir=name)
    return f"{solr_url}/{name}"


def remove_core(solr_url: str, home: Path, name: str) -> None:
    """Ensure a core and everything in it is gone."""
    if (home / name / "core.properties").exists():
        _admin(solr_url, action="UNLOAD", core=name)
    shutil.rmtree(home / name, ignore_errors=True)


def _admin(solr_url: str, **params: str) -> None:
    try:
        answer = httpx.get(f"{solr_url}/admin/cores", params=params, timeout=60)
    except httpx.HTTPError as error:
        raise ServiceError(f"Solr at {solr_url} does not answer: {error}", "run `reprise sandbox up`") from error
    if answer.status_code != 200:
        message = answer.json().get("error", {}).get("msg", answer.text[:300])
        raise ServiceError(f"Solr refused {params['action']} of core: {message}", "see .reprise/logs/solr.log")
