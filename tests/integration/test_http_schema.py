"""The interface for programs against its own description: whatever is sent, the answers are those it promises."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import Programs, small_study
from schemathesis.generation import GenerationMode

from hpo import storage
from hpo.web.api.operations import OPERATIONS
from hpo.web.security import rate_limit

_KNOWN = ("by~20hand~2F1", "fcnn", "nothing")  # a study, what means it, and none
_EXAMPLES = 12  # of each kind for each operation


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    opened = storage.prepare(f"sqlite:///{tmp_path_factory.mktemp('schema') / 'hpo.db'}")
    small_study(opened)
    with pytest.MonkeyPatch.context() as patch:
        for limit in ("REQUESTS", "TRIES"):  # which are tested elsewhere
            patch.setattr(rate_limit, limit, 1_000_000)
        yield Programs(storage=opened)
    opened.close()


@pytest.fixture(scope="module")
def described(programs: Programs) -> schemathesis.BaseSchema:
    headers = {"Authorization": f"Bearer {programs.token('fuzz', budget=5)}"}
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", programs.app, headers=headers)


@pytest.mark.thorough
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_answer_matches_the_openapi_schema(
    described: schemathesis.BaseSchema, programs: Programs, operation, mode: GenerationMode
) -> None:
    one = described[operation.path][operation.method]
    token = programs.token(f"{operation.name}-{mode.value}", budget=5)

    @settings(
        max_examples=_EXAMPLES, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=one.as_strategy(generation_mode=mode), study=st.sampled_from([None, *_KNOWN]))
    def hold(case: schemathesis.Case, study: str | None) -> None:
        if study is not None and mode is GenerationMode.POSITIVE and "study" in case.path_parameters:
            case.path_parameters["study"] = study
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"})

    hold()
