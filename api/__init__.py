"""The HTTP interface: one router per resource, commands in, rows out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from starlette.types import Lifespan

from api import (
    acceptance,
    access,
    admin,
    api_token,
    audit,
    dataset,
    dataset_member,
    docs,
    email,
    errors,
    experiment,
    health,
    invitation,
    live,
    membership,
    middleware,
    mlflow,
    model,
    openapi,
    operator,
    organization,
    page,
    password,
    permission,
    person,
    project,
    registration,
    second_factor,
    security,
    service_account,
    session,
    signing,
    training_job,
    trash,
    upload,
    user,
    worker,
)
from api.house import open_house
from api.limits import Limits
from api.table import Table, flat
from api.threads import pools
from infra import metrics, outside
from infra.config import Settings
from infra.names import PREFIX

ROUTERS = (
    registration,
    person,
    user,
    session,
    second_factor,
    password,
    email,
    membership,
    admin,
    operator,
    service_account,
    security,
    api_token,
    invitation,
    acceptance,
    organization,
    permission,
    project,
    trash,
    upload,
    dataset,
    dataset_member,
    experiment,
    training_job,
    live,
    worker,
    model,
    audit,
)


def create_app(settings: Settings) -> FastAPI:
    app = FastAPI(
        title=openapi.TITLE,
        version="1",
        lifespan=_living(settings),
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    errors.install(app)
    threads = pools()
    for each in (*ROUTERS, health):
        app.router.routes += flat(each.router, threads, PREFIX, errors.responses(429, 500))
    for each in (health, signing):
        app.router.routes += flat(each.router, threads, "", errors.responses(429, 500))
    for each in (mlflow, page, docs):
        app.router.routes += flat(each.router, threads)
    docs.install(app)
    app.router.middleware_stack = Table(app.router)
    app.add_middleware(access.Access)
    app.state.limits = Limits.of(settings.limits.requests_per_second)
    app.add_middleware(middleware.Edge, limits=app.state.limits)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    return app


def _living(settings: Settings) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with open_house(settings) as house:
            app.state.house = house
            house.bus.open()
            try:
                async with (
                    house.news.listening(),
                    house.ended.listening(),
                    httpx.AsyncClient(timeout=60.0, trust_env=False) as app.state.to_mlflow,
                ):
                    yield
            finally:
                await house.bus.close()

    return lifespan


def main(settings: Settings) -> None:
    """Serve until SIGTERM."""
    from api.server import serve

    outside.begin("api", settings)
    metrics.serve(settings.metrics_port, "api")
    serve(create_app(settings), settings)
