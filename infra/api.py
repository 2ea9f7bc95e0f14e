"""A client of Prefect's REST API that asks again where the server says that it is busy.

    with client("http://127.0.0.1:4200/api", ("admin", "pass")) as api:
        api.post("/work_pools/pool/queues", json=…)      # 503, and a second later 201

On SQLite a server answers 503 for a write that found the database locked; nothing was written then. Prefect's own
client asks again too, but importing it takes longer than all that is asked here.
"""

import time

import httpx

BUSY = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds, where the answer does not say how long


class Patient(httpx.HTTPTransport):
    """Sends a request up to six times; the last answer stands, whatever it is."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first answer that is not "busy", else the last one."""
        for pause in PAUSES:
            response = super().handle_request(request)
            if response.status_code not in BUSY:
                return response
            response.close()
            after = response.headers.get("Retry-After", "")
            time.sleep(min(float(after), PAUSES[-1]) if after.isdigit() else pause)
        return super().handle_request(request)


def client(api: str, login: tuple[str, str] | None = None) -> httpx.Client:
    """A client whose paths are below `api`, the address that PREFECT_API_URL gives."""
    return httpx.Client(base_url=api, auth=login, timeout=60, transport=Patient())
