"""What is being built right now (placeholder of the first step)."""

from infra.dashboard.site import Context, Link, Query, Site


def live_page(site: Site, query: Query, link: Link) -> Context:
    return {"attempts": []}
