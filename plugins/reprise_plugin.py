"""Registers Reprise's buttons with Airflow; the code is in the package."""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

from reprise.lifecycle.links import LINKS


class ReprisePlugin(AirflowPlugin):
    """The buttons from a task to its MLflow run, Solr model and step logs."""

    name = "reprise"
    operator_extra_links: ClassVar[list[BaseOperatorLink]] = list(LINKS)
