"""The floor of HTTP: FastAPI and psycopg, one durable insert, in the handler style that is named (sync or async)."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from api.server import configured
from infra.config import Settings

INSERT: Final = "INSERT INTO public.bare VALUES (%b, %b)"


class NewProject(BaseModel):
    name: str
    description: str = ""


class Made(BaseModel):
    id: UUID


def sync_app(url: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with pool:
            yield

    pool = ConnectionPool(url, min_size=8, max_size=8, kwargs={"autocommit": True}, open=False)
    app = FastAPI(lifespan=lifespan)

    @app.post("/projects", status_code=201)
    def create(body: NewProject) -> Made:
        id = uuid7()
        with pool.connection() as connection:
            connection.execute(INSERT, (id, body.model_dump_json().encode()), prepare=True)
        return Made(id=id)

    return app


def async_app(url: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            yield

    pool = AsyncConnectionPool(url, min_size=8, max_size=8, kwargs={"autocommit": True}, open=False)
    app = FastAPI(lifespan=lifespan)

    @app.post("/projects", status_code=201)
    async def create(body: NewProject) -> Made:
        id = uuid7()
        async with pool.connection() as connection:
            await connection.execute(INSERT, (id, body.model_dump_json().encode()), prepare=True)
        return Made(id=id)

    return app


def main(style: str, port: int) -> None:
    app = {"sync": sync_app, "async": async_app}[style](os.environ["BARE_DATABASE_URL"])
    app.get("/health")(lambda: "ok")
    configured(app, Settings(api_port=port)).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
