"""Registers Reprise's buttons and its ranking page with Airflow; the code is in the package."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

from reprise.lifecycle.links import LINKS
from reprise.lifecycle.page.lazy import LazyPage


class ReprisePlugin(AirflowPlugin):
    """The buttons from a task to its MLflow run, Solr model and step logs; the page *Ranking* in the menu."""

    name = "reprise"
    operator_extra_links: ClassVar[list[BaseOperatorLink]] = list(LINKS)
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": LazyPage(), "url_prefix": "/ranking", "name": "Reprise ranking page"}
    ]
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Ranking",
            "href": "ranking/",  # relative: Airflow may be served below a path
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "ranking",
        }
    ]
