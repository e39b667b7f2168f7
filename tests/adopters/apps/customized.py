"""An app with its own errors, middleware, CORS, lifespan and handlers, protected at the end."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypedDict

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from backend.entrypoints.http import CurrentPrincipal, protect


class State(TypedDict):
    greeting: str


class OutOfStockError(Exception):
    pass


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[State]:
    app.state.started = True
    yield {"greeting": "hello"}
    app.state.started = False


app = FastAPI(lifespan=lifespan)


@app.middleware("http")
async def add_version(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    response.headers["X-Version"] = "7"
    return response


@app.exception_handler(OutOfStockError)
async def handle_out_of_stock(request: Request, error: OutOfStockError) -> JSONResponse:
    return JSONResponse({"error": "out of stock"}, status_code=409)


@app.exception_handler(HTTPException)
async def handle_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


@app.exception_handler(RequestValidationError)
async def handle_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    return JSONResponse({"error": "invalid"}, status_code=400)


@app.exception_handler(Exception)
async def handle_everything(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": type(error).__name__}, status_code=500)


@app.get("/greeting")
async def read_greeting(request: Request, principal: CurrentPrincipal) -> str:
    return f"{request.state.greeting}, {principal.user_id}"


@app.get("/items/{number}")
def read_item(number: int, principal: CurrentPrincipal) -> int:
    if number == 0:
        raise OutOfStockError
    if number == 1:
        raise HTTPException(404, "No such item")
    return 1 // (number - 2)


protect(app)

# Added last, so it is outside of everything.
app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://shop.example.com"],
    allow_headers=["Authorization"],
    expose_headers=["X-Version"],
)
