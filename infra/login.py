"""The login of a Prefect server, where it asks for one: PREFECT_SERVER_API_AUTH_STRING=user:password."""

import os

import httpx


def login() -> dict[str, str]:
    """The server's login for clients of this machine."""
    login = os.environ.get("PREFECT_API_AUTH_STRING") or os.environ.get("PREFECT_SERVER_API_AUTH_STRING")
    return {"PREFECT_API_AUTH_STRING": login} if login else {}


def basic_auth() -> tuple[str, str] | None:
    """User and password of `login`, as httpx takes them."""
    user, colon, password = login().get("PREFECT_API_AUTH_STRING", "").partition(":")
    return (user, password) if colon else None


def refusal(api: str) -> str | None:
    """What to do where the server at `api` asks for a login and this process has none, or another one; else None."""
    if httpx.get(f"{api}/admin/version", auth=basic_auth(), timeout=60).status_code != httpx.codes.UNAUTHORIZED:
        return None
    wrong = "does not take the login of PREFECT_API_AUTH_STRING" if login() else "asks for a login"
    return f"the server at {page_of(api)} {wrong}: set PREFECT_API_AUTH_STRING=user:password, as `make up` had it"


def page_of(api: str) -> str:
    """The address that a person opens."""
    return api.removesuffix("/api")
