"""What drivers say, said again: one line with a remedy, whether waiting may help, and no password."""

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from hpo.errors import StorageError
from hpo.storage.database_errors import translated

URL = "postgresql://ada:s3cret@db.example/studies"


def said(message: str) -> StorageError:
    with pytest.raises(StorageError) as caught, translated(URL):
        raise OperationalError("SELECT 1", {}, psycopg.OperationalError(message))
    return caught.value


@pytest.mark.parametrize(
    ("message", "means", "transient"),
    [
        ("FATAL: terminating connection due to idle-in-transaction timeout", "silent for too long", True),
        ("FATAL: terminating connection due to administrator command", "went away", True),
        ("server closed the connection unexpectedly\n\tThis probably means", "went away", True),
        ("the connection is closed", "went away", True),
        ("FATAL: the database system is in recovery mode", "not ready yet", True),
        ("connection failed: Connection refused", "no server answers", True),
        ("deadlock detected", "waited for each other", True),
        ("FATAL: sorry, too many clients already", "no connection left", True),
        ('FATAL: too many connections for role "ada"', "no connection left", True),
        ('FATAL: database "studies" is not currently accepting connections', "lets nobody in", True),
        ("wait timeout expired", "has not answered for a minute", True),
        ("failed to resolve host 'db.example': Name or service not known", "no such host", False),
        ('FATAL: password authentication failed for user "ada"', "check both", False),
        ("FATAL: unsupported startup parameter: options", "leave ?options=… out", False),
        ("FATAL: query_wait_timeout", "default_pool_size", True),
        ("FATAL: no more connections allowed (max_client_conn)", "max_client_conn", True),
        ("FATAL: server login has been failing, try again later (server_login_retry)", "cannot reach the server", True),
        ("FATAL: server conn crashed?", "went away", True),
        ("could not extend file: No space left on device", "disk is full", False),
        ("something nobody has heard of", "OperationalError: something nobody has heard of", False),
    ],
)
def test_each_database_error_is_one_line_and_marked_transient_or_not(message: str, means: str, transient: bool) -> None:
    error = said(message)
    assert means in str(error)
    assert "\n" not in str(error)
    assert error.transient is transient


def test_database_errors_hide_the_password_and_their_cause() -> None:
    error = said(f"cannot connect to {URL} with s3cret")
    assert "s3cret" not in str(error)
    assert error.__suppress_context__  # so no traceback prints what the driver said


def test_a_one_letter_password_does_not_garble_the_message() -> None:
    with pytest.raises(StorageError, match="check both") as caught, translated("postgresql://ada:p@db.example/studies"):
        raise OperationalError("SELECT 1", {}, psycopg.OperationalError("FATAL: password authentication failed"))
    assert "(FATAL: password authentication failed)" in str(caught.value)  # struck out of it, it could be told


@pytest.mark.parametrize(
    ("message", "mendable"),
    [
        ("cannot execute UPDATE in a read-only transaction", True),
        ("could not extend file: No space left on device", True),
        ('FATAL: password authentication failed for user "ada"', True),  # it was changed while it served
        ("FATAL: unsupported startup parameter: options", False),
    ],
)
def test_errors_an_administrator_can_mend_are_marked_mendable(message: str, mendable: bool) -> None:
    error = said(message)
    assert (error.transient, error.mendable) == (False, mendable)
