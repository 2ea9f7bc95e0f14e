"""The style sheet of the report, the frontier and the dashboard: colours, light and dark, type, tables."""

from pathlib import Path

PAGE_CSS = Path(__file__).with_name("page.css")
