"""What the database itself says of slots and trials, asked where it runs: no program of ours has a word in it."""

from compose_engine import Composed

__all__ = ["Books"]

_SLOT = "(SELECT value_json::int FROM trial_system_attributes a WHERE a.trial_id = t.trial_id AND a.key = 'hpo:slot')"
_SETTLED = "SELECT count(*) FROM hpo_slot WHERE state = 'settled'"
_RESULTS = "SELECT count(*) FROM trials t WHERE state IN ('COMPLETE', 'PRUNED')"
_UNTOLD = "SELECT count(*) FROM trials t WHERE state IN ('RUNNING', 'WAITING')"
_STARTED = "SELECT floor(extract(epoch FROM pg_postmaster_start_time()))::bigint"
_WORKERS = "SELECT count(*) FROM hpo_worker WHERE lease_expires_at > extract(epoch FROM now())"
_NEVER = {
    "slots with two results": f"SELECT count(*) FROM (SELECT {_SLOT} AS slot FROM trials t"
    " WHERE state IN ('COMPLETE', 'PRUNED') GROUP BY slot HAVING count(*) > 1) AS twice",
    "slots whose result Optuna has otherwise": "SELECT count(*) FROM hpo_slot s"
    " JOIN hpo_study h ON h.id = s.study_id JOIN studies u ON u.study_name = h.name"
    " JOIN trials t ON t.study_id = u.study_id AND t.number = s.trial_number"
    " WHERE t.state::text <>"
    " CASE WHEN s.outcome = 'complete' AND NOT s.highest THEN 'PRUNED' ELSE upper(s.outcome) END",
    "results of no slot": f"{_RESULTS} AND NOT EXISTS"
    f" (SELECT 1 FROM hpo_slot s WHERE s.id = {_SLOT} AND s.trial_number = t.number)",
}


class Books:
    """Counts by psql in the postgres container; cheap enough to ask twice a second."""

    def __init__(self, compose: Composed) -> None:
        self._compose = compose

    def settled(self) -> int:
        """Slots of all studies that are settled."""
        return self._count(_SETTLED)

    def results(self) -> int:
        """Trials of Optuna's that have a result."""
        return self._count(_RESULTS)

    def untold(self) -> int:
        """Trials of Optuna's that have not ended."""
        return self._count(_UNTOLD)

    def workers(self) -> int:
        """Workers that gave a sign of life."""
        return self._count(_WORKERS)

    def never(self) -> dict[str, int]:
        """What must not be: how often it is."""
        return {what: self._count(query) for what, query in _NEVER.items()}

    def started_at(self) -> int:
        """When the server was started, seconds since 1970."""
        return self._count(_STARTED)

    def _count(self, query: str) -> int:
        answer = self._compose("exec", "-T", "postgres", "psql", "-U", "hpo", "-d", "hpo", "-AtXc", query)
        return int(answer.strip())
