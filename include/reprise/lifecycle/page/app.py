"""The page's routes. Every one asks for Airflow's log-in; there are no others, not even a description of them."""

from __future__ import annotations

from importlib import resources
from typing import Annotated, Any, Literal

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from reprise.errors import MissingDataError, RepriseError, UsageError
from reprise.lifecycle.page import compare, golden, history, live
from reprise.lifecycle.page.places import RETRAIN, lake_of, plan_of
from reprise.lifecycle.page.security import Headers, own_write
from reprise.lifecycle.params import default_deployment
from reprise.settings import list_deployments

_FILES = {
    "page.js": "text/javascript",
    "common.js": "text/javascript",
    "live.js": "text/javascript",
    "compare.js": "text/javascript",
    "golden.js": "text/javascript",
    "history.js": "text/javascript",
    "page.css": "text/css",
}
_Text = Annotated[str, Query(min_length=1, max_length=500)]
_Words = Annotated[str, Field(min_length=1, max_length=500)]
_READ = Depends(requires_access_dag("GET", param_dag_id=RETRAIN))
_ANSWER = Depends(requires_access_dag("PUT", DagAccessEntity.HITL_DETAIL, RETRAIN))


class Preference(BaseModel):
    """Which list somebody prefers for a query."""

    deployment: _Words
    run_id: _Words
    query: _Words
    preferred: Literal["left", "right", "neither"]


class Grades(BaseModel):
    """Somebody's grades of a query's items, 0 to 4."""

    deployment: _Words
    query: _Words
    grades: dict[str, Annotated[int, Field(ge=0, le=4)]] = Field(min_length=1, max_length=200)


class Expected(BaseModel):
    """What a query should answer, or should no longer be held to."""

    deployment: _Words
    query: _Words
    item: _Words
    rule: Literal["first", "top3", "never"]
    strength: Literal["never_break", "should_hold"] = "should_hold"
    why: Annotated[str, Field(max_length=500)] = ""
    retire: bool = False


def build() -> Any:
    """Return the page as an ASGI application."""
    app = FastAPI(dependencies=[_READ], docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Headers)
    app.add_exception_handler(RepriseError, _refused)
    _add_files(app)
    _add_reads(app)
    _add_writes(app)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RepriseError)
    status = 404 if isinstance(error, MissingDataError) else 400 if isinstance(error, UsageError) else 502
    return JSONResponse({"problem": error.problem, "remedy": error.remedy}, status)


def _add_files(app: FastAPI) -> None:
    folder = resources.files("reprise.lifecycle.page").joinpath("static")

    @app.get("/")
    def page() -> Response:
        """Return the page itself; everything in it is fetched."""
        return Response(folder.joinpath("page.html").read_text("utf-8"), media_type="text/html")

    @app.get("/static/{name}")
    def file(name: str) -> Response:
        """Return a script or the style sheet; a route, since a mounted folder would know no log-in."""
        if name not in _FILES:
            raise HTTPException(404, "there is no such file")
        return Response(folder.joinpath(name).read_text("utf-8"), media_type=_FILES[name])


def _add_reads(app: FastAPI) -> None:
    @app.get("/api/deployments")
    def deployments(user: GetUserDep) -> dict[str, Any]:
        """Return the deployments there are, and who is looking."""
        names = list_deployments()
        return {"deployments": names, "default": default_deployment(names), "user": user.get_name()}

    @app.get("/api/live")
    def live_now(deployment: _Text) -> dict[str, Any]:
        """Return what is live."""
        return live.live(deployment)

    @app.get("/api/history")
    def all_runs(deployment: _Text) -> dict[str, Any]:
        """Return the retrains there were."""
        return history.history(deployment)

    @app.get("/api/golden")
    def expected(deployment: _Text) -> dict[str, Any]:
        """Return what is expected, and whether what is live holds it."""
        return golden.golden(deployment)

    @app.get("/api/report")
    def report(deployment: _Text, run_id: _Text) -> dict[str, Any]:
        """Return the gate report of a run in plain words."""
        return compare.report(plan_of(deployment, run_id))

    @app.get("/api/sides")
    def sides(deployment: _Text, run_id: _Text, query: _Text, user: GetUserDep) -> dict[str, Any]:
        """Return two lists without names."""
        return compare.sides(plan_of(deployment, run_id), query, user.get_name())

    @app.get("/api/why")
    def why(
        deployment: _Text, run_id: _Text, query: _Text, side: Literal["left", "right"], above: _Text, below: _Text,
        user: GetUserDep,
    ) -> dict[str, Any]:  # fmt: skip
        """Return why one item stands above another."""
        return compare.why(plan_of(deployment, run_id), query, side, above, below, user.get_name())


def _add_writes(app: FastAPI) -> None:
    writing = [_ANSWER, Depends(own_write)]

    @app.post("/api/preference", dependencies=writing)
    def preference(said: Preference, user: GetUserDep) -> dict[str, Any]:
        """Keep which side somebody prefers; tell which was whose."""
        plan = plan_of(said.deployment, said.run_id)
        return compare.prefer(plan, said.query, said.preferred, user.get_name())

    @app.post("/api/golden", dependencies=writing)
    def expect(one: Expected, user: GetUserDep) -> dict[str, Any]:
        """Record an expectation, or retire one."""
        if one.retire:
            return golden.retire(one.deployment, one.query, one.item, one.rule, one.why, user.get_name())
        return golden.add(one.deployment, one.query, one.item, one.rule, one.strength, one.why, user.get_name())

    @app.post("/api/grades", dependencies=writing)
    def grades(given: Grades, user: GetUserDep) -> dict[str, Any]:
        """Keep somebody's grades."""
        return compare.grade(lake_of(given.deployment), given.query, given.grades, user.get_name())
