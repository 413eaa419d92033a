"""An image's way into the engine, counted from what the engine tells of it."""

from __future__ import annotations

from phtlab_spawner.image_fetch import follow_pull


def _event(layer: str, status: str) -> dict[str, str]:
    return {"id": layer, "status": status}


def test_layers_are_counted_as_they_are_done_and_none_twice() -> None:
    heard: list[tuple[int, int]] = []
    wrong = follow_pull(
        [
            _event("1a2b", "Pulling from workspaces/python"),  # the tag, which is no layer
            _event("aaa", "Already exists"),
            _event("bbb", "Pulling fs layer"),
            _event("ccc", "Pulling fs layer"),
            _event("bbb", "Downloading"),
            _event("bbb", "Downloading"),
            _event("bbb", "Pull complete"),
            _event("bbb", "Pull complete"),
            _event("ccc", "Extracting"),
            _event("ccc", "Pull complete"),
            {"status": "Digest: sha256:…"},
        ],
        lambda done, of: heard.append((done, of)),
    )
    assert wrong is None
    assert heard == [(1, 3), (2, 3), (3, 3)]


def test_a_failure_is_the_engines_words_and_ends_the_count() -> None:
    heard: list[tuple[int, int]] = []
    wrong = follow_pull(
        [
            _event("aaa", "Pulling fs layer"),
            _event("aaa", "Downloading"),
            {"error": "manifest unknown", "errorDetail": {"message": "manifest unknown"}},
            _event("aaa", "Pull complete"),
        ],
        lambda done, of: heard.append((done, of)),
    )
    assert wrong == "manifest unknown"
    assert heard == [(0, 1)]
