"""EMR's side of the wire: JSON 1.1 requests checked against the service's own model, and errors in its form.

botocore carries the description of EMR that every AWS client is made from; what it says of an action's input is
what is accepted here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.session import get_session
from botocore.validate import ParamValidator

from reprise.errors import RepriseError


class ApiError(RepriseError):
    """An answer of the API that is an error; ``kind`` is its name in EMR's model, e.g. ValidationException."""

    def __init__(self, kind: str, message: str, code: str = "") -> None:
        super().__init__(message)
        self.kind, self.code = kind, code

    @property
    def status(self) -> int:
        """The HTTP status that EMR answers with."""
        return 500 if self.kind.startswith("InternalServer") else 400

    def to_wire(self) -> dict[str, str]:
        """Return the body."""
        code = {"ErrorCode": self.code} if self.code else {}
        return {"__type": self.kind, "Message": self.problem, **code}


def invalid(message: str, code: str = "") -> ApiError:
    """Return EMR's answer to a request that names nothing it knows."""
    return ApiError("InvalidRequestException", message, code)


def refused(message: str) -> ApiError:
    """Return EMR's answer to a request it understands and does not do."""
    return ApiError("ValidationException", message)


@cache
def _model() -> Any:
    return get_session().get_service_model("emr")


def check_input(action: str, request: dict[str, Any]) -> None:
    """Ensure a request has what EMR's model of the action demands, and nothing it does not know."""
    shape = _model().operation_model(action).input_shape
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise refused(report.generate_report().replace("\n", "; "))
    wrong = list(_unknown_values(request, shape, "input"))
    if wrong:
        raise refused(f"{len(wrong)} validation error detected: {'; '.join(wrong)}")


def _unknown_values(value: Any, shape: Any, path: str) -> Any:
    """Yield what botocore leaves to the service: values outside an enumeration."""
    if shape.type_name == "structure":
        for name, inner in value.items():
            yield from _unknown_values(inner, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for number, inner in enumerate(value):
            yield from _unknown_values(inner, shape.member, f"{path}[{number}]")
    elif getattr(shape, "enum", None) and value not in shape.enum:
        allowed = ", ".join(shape.enum)
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: must be one of [{allowed}]"
