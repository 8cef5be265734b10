"""IAM's operations on service-linked roles."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.roles import ROLE, ROLES
from domain.foundation.identifiers import new_uuid
from domain.rules import service_linked_roles
from services.iam import condition_keys, resources
from services.iam.entity_members import role_members
from services.wire.operations import Parameters, TargetResource, answers


def _new_role(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    service = parameters["aws_service_name"]
    name = service_linked_roles.role_name_for(service, parameters.get("custom_suffix"), account.partition)
    return TargetResource.of_arn(account.arn(f"role/aws-service-role/{service}/{name}"))


def _service_name(_account: Account, parameters: Parameters) -> condition_keys.ConditionKeys:
    return {"iam:awsservicename": (parameters["aws_service_name"],)}


def _role_of_task(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    role = service_linked_roles.role_of_task(parameters["deletion_task_id"])
    return TargetResource.of_arn(account.arn(f"role{role or '/*'}"))


@answers(
    "CreateServiceLinkedRole", on=_new_role, records="aws_service_name description custom_suffix", context=_service_name
)
def create_service_linked_role(
    account: Account,
    call: Call,
    *,
    aws_service_name: str,
    description: str | None = None,
    custom_suffix: str | None = None,
) -> Outcome:
    role_id = call.unique_id(ROLE.id_prefix)
    created = service_linked_roles.create(
        account, role_id=role_id, service=aws_service_name, description=description, suffix=custom_suffix
    )
    return Outcome(lambda after: {"Role": role_members(after, after[ROLES].by_id[role_id], {})}, list(created))


@answers("DeleteServiceLinkedRole", on=resources.role, records="role_name")
def delete_service_linked_role(account: Account, call: Call, *, role_name: str) -> Outcome:
    """Sessions of the role end with it."""
    task_id, changes = service_linked_roles.delete(account, role_name=role_name, new_uuid=lambda: new_uuid(call.random))
    return Outcome(lambda _after: {"DeletionTaskId": task_id}, changes)


@answers("GetServiceLinkedRoleDeletionStatus", on=_role_of_task, records="deletion_task_id")
def get_service_linked_role_deletion_status(account: Account, _call: Call, *, deletion_task_id: str) -> Outcome:
    service_linked_roles.refuse_unknown_task(account, deletion_task_id)
    return Outcome(lambda _after: {"Status": "SUCCEEDED"})
