"""Refusals: expected errors, answered and recorded. The class name is the AWS error code that the client reads.

Which HTTP status a code has is the wire's knowledge (botocore's models, and services/wire/errors.py for the rest).
Any exception that is not a Refusal is a defect of ours.
"""

from typing import Self


def worded(sentence: str, detail: str) -> str:
    """What a refusal says: AWS's sentence first, for whoever compares or searches it, and then ours."""
    return f"{sentence} ({detail})" if detail else sentence


class Refusal(Exception):  # noqa: N818  a refusal is no error of the program, and its subclasses carry AWS's names
    """Base of every expected error."""

    def __init__(self, sentence: str, detail: str = "") -> None:
        """`sentence` is AWS's, verbatim, where AWS has one; `detail` says what was wrong and what was expected, where
        the sentence does not."""
        super().__init__(worded(sentence, detail))
        self.sentence, self.detail = sentence, detail

    @property
    def code(self) -> str:
        return type(self).__name__

    @property
    def message(self) -> str:
        return str(self)

    def as_value(self) -> Self:
        """Itself, without the frames that it was raised through. Whatever keeps a refusal beyond its `except` calls
        this: it would stand in a cycle with those frames, and they hold the request, of a megabyte perhaps, until
        garbage is collected."""
        self.__context__ = self.__cause__ = None
        return self.with_traceback(None)


class AboutResource(Refusal):
    """One that tells of which resource it is, to clients of services whose models have it so."""

    def __init__(self, sentence: str, detail: str = "", *, resource_id: str, resource_type: str) -> None:
        super().__init__(sentence, detail)
        self.resource_id, self.resource_type = resource_id, resource_type


class ResourceNotFoundException(AboutResource): ...


# Who calls, and may they (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html)
class MissingAuthenticationToken(Refusal): ...


class IncompleteSignature(Refusal): ...


class InvalidClientTokenId(Refusal): ...


class ExpiredToken(Refusal): ...


class SignatureDoesNotMatch(Refusal): ...


class AccessDenied(Refusal):
    decided = False
    """Whether a decision on policies, which is recorded with the call, says why."""

    @classmethod
    def by_decision(cls, message: str) -> Self:
        denied = cls(message)
        denied.decided = True
        return denied


class Throttling(Refusal): ...


# What the request says
class MissingAction(Refusal): ...


class InvalidAction(Refusal): ...


class ValidationError(Refusal): ...


def constraint_violation(path: str, constraint: str, value: str = "Value") -> ValidationError:
    """One parameter breaks one constraint, as Smithy has all services say it."""
    return ValidationError(
        f"1 validation error detected: {value} at '{path}' failed to satisfy constraint: {constraint}"
    )


class InvalidInput(Refusal): ...


class InvalidParameterValue(Refusal): ...


class MalformedPolicyDocument(Refusal): ...


class PackedPolicyTooLarge(Refusal): ...


class PasswordPolicyViolation(Refusal): ...


# What the account's state does not allow
class NoSuchEntity(Refusal):
    def __init__(self, sentence: str, detail: str = "", *, suggestion: str = "") -> None:
        """`suggestion` is a sentence that names what may have been meant. It is for those who may list what there is,
        and no part of the message."""
        super().__init__(sentence, detail)
        self.suggestion = suggestion

    def suggesting(self) -> Self:
        return type(self)(f"{self.message}{self.suggestion}")


class EntityAlreadyExists(Refusal): ...


class DeleteConflict(Refusal): ...


class PolicyNotAttachable(Refusal): ...


class LimitExceeded(Refusal): ...


class EntityTemporarilyUnmodifiable(Refusal): ...


class InvalidAuthenticationCode(Refusal): ...


class UnmodifiableEntity(Refusal): ...


class InvalidUserType(Refusal): ...


class OperationNotPermittedException(Refusal): ...


class InvalidAuthorizationMessageException(Refusal): ...


class InvalidParameterException(Refusal): ...


class UnprocessableEntityException(Refusal): ...
