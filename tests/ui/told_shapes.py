"""Stations, data sets, checks and members as the server extension tells them."""

from __future__ import annotations

from typing import Any


def a_column(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "description": "",
        "unit": "",
        "categories": None,
        "minimum": None,
        "maximum": None,
        **more,
    }


def a_data_set(name: str = "heart", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "title": "Heart disease",
        "description": "Patients who were sent for an angiography.",
        "rows": 300,
        "rows_rounded_to": 50,
        "columns": [
            a_column("age", "integer", unit="years", minimum=18, maximum=100),
            a_column("sex", "string", categories=["Female", "Male"]),
            a_column("chol", "number", unit="mg/dl", minimum=0, description="0: not measured"),
        ],
        "has_twin": True,
        **more,
    }


def a_station(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "organisation": f"Hospital of {name}",
        "online": True,
        "last_seen": "2026-03-02T09:35:20Z",
        "paused": "",
        "twin": False,
        "version": "0.1.0",
        "running": 0,
        "waiting": 0,
        "datasets": [a_data_set()],
        **more,
    }


def a_consortium() -> list[dict[str, Any]]:
    """Four hospitals and a twin: one busy, one that tells no rows, one away with other data."""
    return [
        a_station("cleveland", running=1, waiting=2),
        a_station("hungary", online=False),
        a_station("switzerland", datasets=[a_data_set(rows=None)]),
        a_station("va-long-beach", datasets=[a_data_set("lung", rows=200)]),
        a_station("twin", twin=True),
    ]


def a_check(**more: Any) -> dict[str, Any]:
    return {
        "name": "heart_disease",
        "language": "python",
        "kernel": "python",
        "ok": True,
        "digest": "sha256:" + "c" * 64,
        "parameters": {
            "type": "object",
            "properties": {
                "min_age": {"type": "integer", "minimum": 18, "maximum": 100, "default": 40},
                "outcome": {"type": "string", "enum": ["any", "severe"], "default": "any"},
            },
            "required": [],
            "additionalProperties": False,
        },
        "outputs": [{"name": "counts", "kind": "table", "to": "researcher"}],
        "route": "parallel",
        "received": [],
        "datasets": ["heart"],
        "findings": [],
        **more,
    }


def a_finding(cell: int | None, message: str, **more: Any) -> dict[str, Any]:
    return {
        "code": "notebook-name",
        "severity": "error",
        "cell": cell,
        "line": None,
        "message": message,
        "fix": None,
        **more,
    }


def a_member(name: str, *roles: str) -> dict[str, Any]:
    return {"name": name, "organisation": f"Institute of {name}", "roles": list(roles)}
