"""Every error Reprise raises on purpose.

RepriseError                what failed, with the values; and what to do next
├── UsageError              wrong use or bad input (exit 64)
│   ├── DeploymentError     a deployment's files, all mistakes at once
│   └── MissingDataError    a bucket, a day or a table that should hold data does not
├── ServiceError            Solr, S3, MLflow, EMR or Airflow is down or refuses (exit 70)
│   └── UnavailableError    it does not answer, or asks to be asked later: the same call may do in a while
└── SupersededError         the world moved on since the comparison; nothing was changed (exit 1)
"""

from __future__ import annotations

from collections.abc import Sequence

EXIT_YES = 0
EXIT_NO = 1
EXIT_CANNOT_TELL = 2
EXIT_USAGE = 64
EXIT_CRASH = 70


class RepriseError(Exception):
    """What failed, with which values, and the remedy; printed as one line, never as a traceback."""

    exit_code = EXIT_CRASH

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} → {remedy}" if remedy else problem)


class UsageError(RepriseError, ValueError):
    """Wrong use or bad input: running it again unchanged would fail again."""

    exit_code = EXIT_USAGE


class DeploymentError(UsageError):
    """A deployment's files are wrong; every mistake is listed at once, each with its file and key."""

    def __init__(self, deployment: str, mistakes: Sequence[str]) -> None:
        self.mistakes = list(mistakes)
        listed = "; ".join(self.mistakes)
        super().__init__(
            f"deployment {deployment!r} has {len(self.mistakes)} mistake(s): {listed}",
            "correct the files named and run `reprise check` again",
        )


class MissingDataError(UsageError):
    """A bucket, day or table that should hold data does not."""


class ServiceError(RepriseError, ConnectionError):
    """A service Reprise leans on is down or refuses; the message names it and its address."""


class UnavailableError(ServiceError):
    """The service does not answer, or asks to be asked later (``retry_after_s``, 0 where it does not say)."""

    def __init__(self, problem: str, remedy: str = "", retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(problem, remedy)


class SupersededError(RepriseError):
    """What is live is no longer what the report compared with; nothing was changed."""

    exit_code = EXIT_NO
