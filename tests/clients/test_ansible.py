"""Ansible with its collection for AWS: a play that is run twice changes nothing the second time."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.prepared import BIN
from tests.clients.raw_http import administrator
from tests.clients.server import Server
from tests.services.endpoint import SERVICE_OF

RUN_SECONDS_MAX = 300
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
}

Task = dict[str, Any]


def task(module: str, needs: str = "CreateUser", register: str | None = None, **arguments: Any) -> tuple[str, Task]:
    """The operation without which the task is left out, and the task."""
    made: Task = {f"amazon.aws.{module}": arguments}
    return needs, made if register is None else made | {"register": register}


TASKS = (
    task("iam_managed_policy", name="ansible", policy=POLICY, description="made by a play", state="present"),
    task("iam_user", name="ansible", path="/plays/", tags={"team": "ops"}, state="present"),
    task("iam_group", name="ansible", users=["ansible"], state="present"),
    task(
        "iam_role",
        name="ansible",
        assume_role_policy_document=TRUST,
        managed_policies=["ansible"],
        create_instance_profile=False,
        max_session_duration=7_200,
        tags={"team": "ops"},
        state="present",
    ),
    task("iam_policy", iam_type="user", iam_name="ansible", policy_name="inline", policy_json=POLICY, state="present"),
    task("iam_access_key_info", user_name="ansible", register="keys"),
    task(
        "iam_access_key",
        user_name="ansible",
        id="{{ keys.access_keys[0].access_key_id if keys.access_keys else omit }}",
        active=True,
        state="present",
    ),
    task("iam_user_info", name="ansible"),
    task("iam_role_info", name="ansible"),
    task("iam_mfa_device_info", user_name="ansible"),
    task("iam_password_policy", min_pw_length=14, require_numbers=True, allow_pw_change=True, state="present"),
    task("iam_instance_profile", "CreateInstanceProfile", name="ansible", role="ansible", path="/plays/"),
    task("iam_instance_profile_info", "GetInstanceProfile", name="ansible"),
)
ANSWERED = [each for needs, each in TASKS if needs in SERVICE_OF]
PLAY = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": ANSWERED}]


@pytest.fixture
def program() -> str:
    """What `make .venv/ansible` installs."""
    found = shutil.which("ansible-playbook", path=f"{BIN}:{os.environ['PATH']}")
    if found is None:
        pytest.skip("ansible-playbook is not here: make .venv/ansible installs it")
    return found


def test_a_play_changes_nothing_the_second_time(server: Server, program: str, tmp_path: Path) -> None:
    """User, group, role, policies, access key, instance profile and password policy are as the play wants them."""
    key = administrator(server)
    place = Path(program).parent
    (tmp_path / "play.json").write_text(json.dumps(PLAY))
    environment = server.credentials(key.access_key, key.secret_key) | {
        "PATH": f"{place}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": str(place / "python"),
    }
    changed = []
    for _ in range(2):
        done = subprocess.run(
            [program, "play.json"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS_MAX,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        told = json.loads(done.stdout[done.stdout.index("{") :])
        changed.append(told["stats"]["localhost"]["changed"])
        assert told["stats"]["localhost"]["ok"] == len(ANSWERED)
    assert changed[0] >= sum("state" in next(iter(each.values())) for each in ANSWERED)
    assert changed[1] == 0, [
        task["task"]["name"]
        for play in told["plays"]
        for task in play["tasks"]
        if task["hosts"]["localhost"]["changed"]
    ]
