"""The JSON schema of record.json, for whoever reads reports without this package."""

from __future__ import annotations

import json

from baseimages.report.record import FOLDER, ImageReport

SCHEMA = f"{FOLDER}/record.schema.json"


def render_record_schema() -> str:
    """Draft 2020-12, of the schema version that is written now."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "record.json"}
    return json.dumps(head | {**ImageReport.model_json_schema(), **head}, indent=2) + "\n"
