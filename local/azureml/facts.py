"""What clients log about a run beside its metrics: parameters, tags, data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.azureml.mlflow_errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.azureml.state import Store

Json = dict[str, Any]

PARAM, TAG, INPUT = "param", "tag", "input"


class Facts:
    """Key and value by run and kind, in SQLite."""

    def __init__(self, store: Store) -> None:
        """Keep them in `store`."""
        self._store = store

    def of(self, run: str, kind: str) -> dict[str, str]:
        """Return a run's facts of one kind, in the order of their logging."""
        rows = self._store.execute(
            "SELECT key, value FROM facts WHERE run=? AND kind=? ORDER BY rowid", (run, kind)
        )
        return {str(key): str(value) for key, value in rows}

    def log_params(self, run: str, params: Mapping[str, str]) -> None:
        """Write parameters; one that is there can't change.

        Raises:
            AzureError: 400, naming the parameter, its value and the other.

        """
        with self._store.transaction():
            before = self.of(run, PARAM)
            for key, value in params.items():
                if before.get(key, value) != value:
                    raise invalid(
                        f"Changing param values is not allowed. Param with key='{key}' was already logged "
                        f"with value='{before[key]}' for run ID='{run}'. Attempted logging new value "
                        f"'{value}'."
                    )
            self.put(run, PARAM, params)

    def put(self, run: str, kind: str, values: Mapping[str, str]) -> None:
        """Write facts of one kind over those there are."""
        self._store.insert_many(
            "INSERT INTO facts(run, kind, key, value) VALUES(?,?,?,?) "
            "ON CONFLICT(run, kind, key) DO UPDATE SET value=excluded.value",
            [(run, kind, key, value) for key, value in values.items()],
        )

    def delete(self, run: str, kind: str, key: str) -> None:
        """Take one fact away."""
        with self._store.transaction():
            self._store.execute("DELETE FROM facts WHERE run=? AND kind=? AND key=?", (run, kind, key))

    def forget(self, runs: Iterable[str]) -> None:
        """Take away all that was logged about `runs`."""
        with self._store.transaction():
            for run in runs:
                self._store.execute("DELETE FROM facts WHERE run=?", (run,))
