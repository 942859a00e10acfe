"""The JSON schema of what `--json` prints: `docs/repair-output.schema.json` is its text.

python -m cli.display.output_schema > docs/repair-output.schema.json
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from agent.records import RepairResult
from agent.runs.result_file import RESULT_SCHEMA, Evidence
from cli.exit_codes import ExitCode

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def output_schema() -> dict[str, Any]:
    """The schema as data. Fields may be added to records later, so unknown ones are allowed."""
    definitions: dict[str, Any] = {}
    parts = {
        "result": _part(RepairResult, definitions),
        "evidence": _part(Evidence, definitions),
    }
    statuses = [*definitions["Status"]["enum"], "failed"]
    properties = {
        "schema": {"const": RESULT_SCHEMA},
        **{name: {"anyOf": [part, {"type": "null"}]} for name, part in parts.items()},
        "status": {"enum": statuses},
        "exit_code": {"enum": sorted(int(code) for code in ExitCode)},
        "reason": {"type": "string", "description": "One sentence for people."},
        "log": {"type": ["string", "null"], "description": "Path of a log to report."},
    }
    return {
        "$schema": DIALECT,
        "title": "What `repair --json` prints",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "$defs": dict(sorted(definitions.items())),
    }


def _part(kind: type[object], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(mode="serialization", ref_template="#/$defs/{model}")
    definitions.update(schema.pop("$defs", {}))
    definitions[kind.__name__] = schema
    return {"$ref": f"#/$defs/{kind.__name__}"}


if __name__ == "__main__":
    print(json.dumps(output_schema(), indent=1))
