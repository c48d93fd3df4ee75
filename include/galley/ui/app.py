"""The pages inside Airflow's UI: the runs, one run with what it made, and an item's bytes, small and whole. Read-only.

Airflow authenticates no plugin's routes, so this app does it itself, on every path there is and every other one; what a
run made is shown to who may read its DAG's runs in Airflow. Names in a URL are looked up in the catalog and are never a
path; bytes are given out only for an item of the run, in a state that may be shown, and with the sha256 recorded for
them.
"""

from __future__ import annotations

import time
from functools import cached_property, lru_cache
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from galley.airflow.installation import installation
from galley.catalog.facade import Catalog
from galley.catalog.rows import CatalogItem
from galley.compliance.thumbnails import MEDIA_TYPE
from galley.errors import GalleyError, NotInCatalog, ObjectNotFound
from galley.items import MEDIA_TYPES
from galley.settings import Settings
from galley.stages.record import report_now
from galley.stages.run import RunFiles
from galley.storage import Zones
from galley.ui.access import get_user, may_read
from galley.ui.contact_sheet import STATES, page, policy, render
from galley.ui.sheets import sheet_of, shown
from galley.ui.thumbnails import Thumbnails

MAX_RUNS = 500
"""Runs in the list, the newest."""
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_PAGE = {
    "Content-Security-Policy": f"{policy(served=True)}; frame-ancestors 'self'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_BYTES = {
    # Even where a browser takes the bytes for a document: no script, no origin.
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'self'",
    "Cache-Control": "private, max-age=300",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

User = Annotated[Any, Depends(get_user)]


class _Installation:
    """Catalog and stores, opened when the first page asks for them: the settings are those of the server by then."""

    @property
    def zones(self) -> Zones:
        """The stores; asked for anew every minute, for Airflow's connection may get other keys."""
        return self._zones(int(time.monotonic() // 60))

    @lru_cache(maxsize=1)  # noqa: B019 - there is one installation, which lives as long as the server
    def _zones(self, _minute: int) -> Zones:
        return Zones.from_settings(installation())

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog.open(Settings().catalog_url)

    def files(self, run: str, user: Any) -> RunFiles:
        """A run that is in the catalog and that the user may see; 404 where either is not so, and no word on which."""
        try:
            info = self.catalog.run(run)
        except NotInCatalog:
            info = None
        if info is None or not may_read(user, info.dag_id):
            raise HTTPException(404, "No run of this name has been recorded, or you may not see the runs of its DAG.")
        return RunFiles(self.zones.work, info.run)

    def thumbnails(self, files: RunFiles) -> Thumbnails:
        """Those of a run; for a minute, in which a page asks for all of its own, the plan is not read again."""
        return self._thumbnails(files.run, int(time.monotonic() // 60))

    @lru_cache(maxsize=64)  # noqa: B019 - there is one installation, which lives as long as the server
    def _thumbnails(self, run: str, _minute: int) -> Thumbnails:
        return Thumbnails(RunFiles(self.zones.work, run))

    def item(self, run: str, item_id: str) -> CatalogItem:
        """An item of a run that `files` has let pass; 404 where there is none."""
        try:
            return self.catalog.item(run, item_id)
        except NotInCatalog:
            raise HTTPException(404, f"Run {run} has no item of this id.") from None


def create_app() -> FastAPI:
    """The app, to be mounted anywhere: its links are relative."""
    here = _Installation()
    app = FastAPI(
        title="Galley",
        dependencies=[Depends(get_user)],
        # These routes would know no dependency.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )

    @app.get("/runs")
    def runs(user: User) -> HTMLResponse:
        """The runs that the user may see, newest first."""
        every = here.catalog.runs()
        allowed = {dag: may_read(user, dag) for dag in {each.info.dag_id for each in every}}
        mine = [each for each in reversed(every) if allowed[each.info.dag_id]]
        more = max(0, len(mine) - MAX_RUNS)
        return _html("runs.html", runs=mine[:MAX_RUNS], more=more, states=(*STATES, "rejected"))

    @app.get("/runs/{run}")
    def run_page(run: str, user: User) -> HTMLResponse:
        """One run: its contact sheet as of now, with links to the bytes instead of the bytes."""
        files = here.files(run, user)
        report = report_now(files, here.catalog)
        airflow = f"../../dags/{quote(report.dag_id, safe='')}/runs/{quote(report.run_id, safe='')}"
        sheet = sheet_of(
            report,
            files,
            here.zones,
            here.catalog,
            link=lambda item: f"{files.run}/items/{item.item.item_id}",
            links={"All runs": "../runs", "This run in Airflow": airflow},
        )
        return HTMLResponse(render(sheet), headers=_PAGE)

    @app.get("/runs/{run}/items/{item_id}")
    def item_bytes(run: str, item_id: str, user: User) -> Response:
        """The bytes of one item, verified."""
        item = here.item(here.files(run, user).run, item_id)
        return _bytes(item, here.zones.read(*_place(item)))

    @app.get("/runs/{run}/items/{item_id}/thumbnail")
    def item_thumbnail(run: str, item_id: str, user: User) -> Response:
        """A small copy of one item's picture; where there is none, the whole."""
        files = here.files(run, user)
        item = here.item(files.run, item_id)
        place = _place(item)
        small = here.thumbnails(files).get(item.source_sha256) if item.source_sha256 else None
        if small is None:
            return _bytes(item, here.zones.read(*place))
        return Response(small, media_type=MEDIA_TYPE, headers=_BYTES)

    @app.api_route("/{path:path}", methods=_METHODS)
    def nothing(path: str) -> HTMLResponse:
        """Whatever else is asked for: refused to the anonymous before anybody learns that it is not there."""
        raise HTTPException(404, "There is no such page.")

    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(GalleyError, _failed)
    return app


def _place(item: CatalogItem) -> tuple[str, str]:
    place = shown(item)
    if place is None:
        raise HTTPException(404, f"Item {item.item.item_id} is {item.state}; its bytes are not shown.")
    return place


def _bytes(item: CatalogItem, data: bytes) -> Response:
    media_type, extension = MEDIA_TYPES[item.item.request.kind]
    headers = _BYTES | {"Content-Disposition": f"inline; filename={item.item.item_id}.{extension}"}
    return Response(data, media_type=media_type, headers=headers)


def _html(template: str, status: int = 200, **values: object) -> HTMLResponse:
    return HTMLResponse(page(template, served=True, **values), status, headers=_PAGE)


def _refused(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - that is what the handler is registered for
    login = ""
    if error.status_code == 401:
        login = f"{request.scope.get('app_root_path', '')}/api/v2/auth/login?{urlencode({'next': request.url.path})}"
    return _message(error.status_code, str(error.detail), login)


def _failed(request: Request, error: Exception) -> HTMLResponse:
    return _message(404 if isinstance(error, ObjectNotFound) else 503, str(error))


def _message(status: int, message: str, login: str = "") -> HTMLResponse:
    title = {401: "Log in to see this page", 404: "Not here"}.get(status, "This page cannot be shown")
    return _html("message.html", status, title=title, message=message, login=login)
