"""AWS on loopback, over real HTTP, by moto's server: what was called is kept, and a call can be refused or lost.

What AWS does and moto does not is mended here: revisions of a function's configuration, updates that take a while,
provisioned concurrency, and what RDS says of each database parameter with its defaults and how to reset them.
"""

from __future__ import annotations

import functools
import io
import json
import logging
import re
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import boto3
import pytest
from moto.awslambda.exceptions import PreconditionFailedException
from moto.awslambda.models import LambdaFunction
from moto.core.responses import ActionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.rds.models import DBInstance, DBParameterGroup
from moto.rds.responses import RDSResponse
from werkzeug.serving import WSGIRequestHandler, make_server

from bdp.act.settings import AwsSettings

REGION = "us-east-1"
_READS = ("Describe", "Get", "List", "AssumeRole")
_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/[^/]+/(?P<service>[^/]+)/")
_REST = (
    ("GET", "/configuration", "GetFunctionConfiguration"),
    ("PUT", "/configuration", "UpdateFunctionConfiguration"),
    ("GET", "/provisioned-concurrency", "GetProvisionedConcurrencyConfig"),
    ("PUT", "/provisioned-concurrency", "PutProvisionedConcurrencyConfig"),
    ("DELETE", "/provisioned-concurrency", "DeleteProvisionedConcurrencyConfig"),
    ("GET", "/concurrency", "GetFunctionConcurrency"),
    ("PUT", "/concurrency", "PutFunctionConcurrency"),
    ("DELETE", "/concurrency", "DeleteFunctionConcurrency"),
)
CATALOGUE: dict[str, dict[str, Any]] = {
    "max_connections": {"DataType": "integer", "AllowedValues": "1-100000", "ApplyType": "dynamic"},
    "wait_timeout": {
        "DataType": "integer", "AllowedValues": "1-31536000", "ApplyType": "dynamic", "ParameterValue": "28800",
    },
    "slow_query_log": {"DataType": "boolean", "AllowedValues": "0,1", "ApplyType": "dynamic"},
    "innodb_buffer_pool_size": {"DataType": "integer", "AllowedValues": "5242880-18446744073709551615",
                                "ApplyType": "static"},
    "binlog_format": {"DataType": "string", "AllowedValues": "ROW,STATEMENT,MIXED", "ApplyType": "dynamic",
                      "ParameterValue": "MIXED"},
    "version_comment": {"DataType": "string", "ApplyType": "static", "IsModifiable": False},
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One call that reached AWS."""

    service: str
    operation: str
    key: str
    """Access key id of who called."""

    @property
    def writes(self) -> bool:
        return not self.operation.startswith(_READS)


@dataclass
class _Trouble:
    status: int
    code: str
    lost: bool = False


@dataclass
class AwsLoopback:
    """The server. Made once, see `loopback`."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    provisioned: dict[tuple[str, str], int] = field(default_factory=dict)
    updating: dict[str, int] = field(default_factory=dict)
    """So many more reads show the function's last update as in progress."""
    unreadable: set[str] = field(default_factory=set)
    """Functions whose variables may not be decrypted."""
    apply_status: dict[str, str] = field(default_factory=dict)
    """How far the instances of a parameter group are; `in-sync` if not given."""
    _troubles: dict[str, list[_Trouble]] = field(default_factory=lambda: defaultdict(list))

    @property
    def settings(self) -> AwsSettings:
        return AwsSettings(regions=(REGION,), endpoint_url=self.url)

    @property
    def writes(self) -> list[str]:
        """The operations that changed something or tried to, in their order."""
        return [call.operation for call in self.calls if call.writes]

    def client(self, service: str) -> Any:
        """Return another person's client, cached; making one takes a while."""
        return _client(service, self.url)

    def forget(self) -> None:
        """Forget calls and troubles; what was made stays."""
        for kept in (self.calls, self.updating, self.unreadable, self.apply_status, self._troubles):
            kept.clear()

    def refuse(self, operation: str, code: str, status: int, times: int = 1) -> None:
        """Answer the next calls of an operation with an error."""
        self._troubles[operation] += [_Trouble(status, code) for _ in range(times)]

    def lose(self, operation: str, times: int = 1) -> None:
        """Do what the next calls ask for, and answer with an error all the same."""
        self._troubles[operation] += [_Trouble(500, "InternalFailure", lost=True) for _ in range(times)]

    def make_function(self, name: str, variables: dict[str, str] | None = None) -> None:
        """Make a Lambda function."""
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=_role(self.url),
            Handler="m.f",
            Code={"ZipFile": _code(b"1")},
            Environment={"Variables": variables or {}},
            MemorySize=256,
        )

    def deploy_function(self, name: str, text: bytes) -> None:
        """Give a function other code, as another person would."""
        self.client("lambda").update_function_code(FunctionName=name, ZipFile=_code(text))

    def make_parameter_group(self, name: str, instances: int = 0, **values: str) -> None:
        """Make a DB parameter group, some of its values set, used by so many instances."""
        rds = self.client("rds")
        rds.create_db_parameter_group(
            DBParameterGroupName=name, DBParameterGroupFamily="mysql8.0", Description="for tests"
        )
        if values:
            entries = [
                {"ParameterName": one, "ParameterValue": value, "ApplyMethod": "immediate"}
                for one, value in values.items()
            ]
            rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=entries)
        for number in range(instances):
            rds.create_db_instance(
                DBInstanceIdentifier=f"{name}-{number}",
                DBInstanceClass="db.t3.micro",
                Engine="mysql",
                EngineVersion="8.0.36",
                MasterUsername="admin",
                MasterUserPassword="not-a-secret",
                AllocatedStorage=20,
                DBParameterGroupName=name,
            )

    def parameter(self, group: str, name: str) -> tuple[str | None, str]:
        """Return a parameter's value and where it comes from."""
        found = self.client("rds").describe_db_parameters(DBParameterGroupName=group)["Parameters"]
        [one] = [one for one in found if one["ParameterName"] == name]
        return one.get("ParameterValue"), one["Source"]

    def make_group(self, name: str, least: int, desired: int, most: int) -> None:
        """Make an Auto Scaling group."""
        scaling = self.client("autoscaling")
        if not scaling.describe_launch_configurations(LaunchConfigurationNames=["tests"])["LaunchConfigurations"]:
            scaling.create_launch_configuration(
                LaunchConfigurationName="tests", ImageId="ami-12c6146b", InstanceType="t3.micro"
            )
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName="tests",
            MinSize=least,
            MaxSize=most,
            DesiredCapacity=desired,
            AvailabilityZones=[f"{REGION}a"],
        )

    def group(self, name: str) -> tuple[int, int]:
        """Return a group's desired capacity and maximum."""
        [found] = self.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
            "AutoScalingGroups"
        ]
        return found["DesiredCapacity"], found["MaxSize"]

    def make_service(self, cluster: str, name: str, desired: int) -> None:
        """Make a service of ECS."""
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName=cluster)
        ecs.register_task_definition(
            family="tests", containerDefinitions=[{"name": "c", "image": "i", "memory": 64, "cpu": 1}]
        )
        ecs.create_service(cluster=cluster, serviceName=name, taskDefinition="tests", desiredCount=desired)

    def tasks(self, cluster: str, name: str) -> int:
        """Return how many tasks a service wants."""
        [found] = self.client("ecs").describe_services(cluster=cluster, services=[name])["services"]
        return int(found["desiredCount"])

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = _call_of(environ, body)
        self.calls.append(call)
        trouble = self._troubles[call.operation].pop(0) if self._troubles.get(call.operation) else None
        if trouble is None:
            return self._served(call, environ, start_response, body)
        if trouble.lost:
            list(self._served(call, environ, lambda *_, **__: None, body))
        status, headers, text = _refusal(environ, trouble)
        start_response(status, headers)
        return [text]

    def _served(self, call: Call, environ: dict[str, Any], start_response: Any, body: bytes) -> Iterable[bytes]:
        if "ProvisionedConcurrencyConfig" in call.operation:
            return self._provisioned(call, environ, start_response, body)
        with _ONE:
            served: list[bytes] = list(_moto()(environ, start_response))
        return served

    def _provisioned(self, call: Call, environ: dict[str, Any], start_response: Any, body: bytes) -> Iterable[bytes]:
        name = unquote(environ["PATH_INFO"].split("/functions/")[1].split("/")[0])
        where = name, parse_qs(environ["QUERY_STRING"])["Qualifier"][0]
        if call.operation.startswith("Put"):
            self.provisioned[where] = json.loads(body)["ProvisionedConcurrentExecutions"]
        elif call.operation.startswith("Delete"):
            self.provisioned.pop(where, None)
            start_response("204 No Content", [])
            return [b""]
        many = self.provisioned.get(where)
        if many is None:
            trouble = _Trouble(404, "ProvisionedConcurrencyConfigNotFoundException")
            status, headers, text = _refusal(environ, trouble)
            start_response(status, headers)
            return [text]
        start_response("202 Accepted" if call.writes else "200 OK", [("Content-Type", "application/json")])
        shown = {"RequestedProvisionedConcurrentExecutions": many, "Status": "READY"}
        return [json.dumps(shown).encode()]


_ONE = threading.RLock()  # moto is not made for many threads


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@functools.cache
def loopback() -> AwsLoopback:
    """Start the server, for as long as the tests run."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    made = AwsLoopback()
    _mend(made)
    server = make_server("127.0.0.1", 0, made, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    return made


def allow(patch: pytest.MonkeyPatch, key: str = "AKIATESTS") -> None:
    """Set credentials for as long as `patch` lives."""
    patch.setenv("AWS_ACCESS_KEY_ID", key)
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patch.delenv("AWS_SESSION_TOKEN", raising=False)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        patch.delenv(name, raising=False)


@functools.cache
def _moto() -> Any:
    return DomainDispatcherApplication(create_backend_app)


@functools.cache
def _client(service: str, url: str) -> Any:
    session = boto3.Session("OTHER", "test", region_name=REGION)
    return session.client(service, endpoint_url=url)  # type: ignore[call-overload]


@functools.cache
def _role(url: str) -> str:
    made = _client("iam", url).create_role(RoleName="tests", AssumeRolePolicyDocument="{}")
    return str(made["Role"]["Arn"])


def _code(text: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("m.py", text)
    return packed.getvalue()


def _call_of(environ: dict[str, Any], body: bytes) -> Call:
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service, key = (scope["service"], scope["key"]) if scope else ("", "")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Call(service, target.rpartition(".")[2], key)
    if "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        return Call(service, parse_qs(body.decode())["Action"][0], key)
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].rstrip("/")
    known = (name for verb, end, name in _REST if verb == method and path.endswith(end))
    return Call(service, next(known, f"{method} {path}"), key)


def _refusal(environ: dict[str, Any], trouble: _Trouble) -> tuple[str, list[tuple[str, str]], bytes]:
    status, words = f"{trouble.status} X", "no, not now"
    if "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        text = f"<ErrorResponse><Error><Code>{trouble.code}</Code><Message>{words}</Message></Error></ErrorResponse>"
        return status, [("Content-Type", "text/xml")], text.encode()
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", trouble.code)]
    return status, headers, json.dumps({"__type": trouble.code, "message": words, "Message": words}).encode()


def _mend(server: AwsLoopback) -> None:
    for owner, name, patched in (*_functions(server), *_parameter_groups(server)):
        setattr(owner, name, patched)


def _functions(server: AwsLoopback) -> list[tuple[Any, str, Any]]:
    shown: Any = LambdaFunction.get_configuration
    updated: Any = LambdaFunction.update_configuration
    coded: Any = LambdaFunction.update_function_code

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        config: dict[str, Any] = shown(self, on_create)
        config["RevisionId"] = str(self.__dict__.setdefault("revision", 1))
        if server.updating.get(self.function_name, 0) > 0:
            server.updating[self.function_name] -= 1
            config["LastUpdateStatus"] = "InProgress"
        if self.function_name in server.unreadable:
            config["Environment"] = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms says no"}}
        return config

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> Any:
        known = str(self.__dict__.setdefault("revision", 1))
        if config_updates.get("RevisionId", known) != known:
            raise PreconditionFailedException("The Revision Id provided does not match the latest Revision Id.")
        self.revision += 1
        return updated(self, config_updates)

    def update_function_code(self: Any, updated_spec: dict[str, Any]) -> Any:
        self.revision = self.__dict__.get("revision", 1) + 1
        return coded(self, updated_spec)

    return [
        (LambdaFunction, "get_configuration", get_configuration),
        (LambdaFunction, "update_configuration", update_configuration),
        (LambdaFunction, "update_function_code", update_function_code),
    ]


def _parameter_groups(server: AwsLoopback) -> list[tuple[Any, str, Any]]:
    begun: Any = DBParameterGroup.__init__

    def begin(self: Any, *given: Any, **named: Any) -> None:
        begun(self, *given, **named)
        self.parameters |= {name: _default(name) for name in CATALOGUE}

    def update_parameters(self: Any, new_parameters: Iterable[dict[str, Any]]) -> None:
        for new in new_parameters:
            self.parameters[new["ParameterName"]] |= {**new, "Source": "user"}

    def reset_db_parameter_group(self: Any) -> ActionResult:
        name = self.params["DBParameterGroupName"]
        [group] = self.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
        named = [one.original_dict()["ParameterName"] for one in self.params.get("Parameters", [])]
        group.parameters |= {one: _default(one) for one in named}
        return ActionResult({"DBParameterGroupName": name})

    def statuses(self: Any) -> Any:
        groups = self.db_parameter_groups()
        for group in groups:
            group.ParameterApplyStatus = server.apply_status.get(group.name, "in-sync")
        return groups

    return [
        (DBParameterGroup, "__init__", begin),
        (DBParameterGroup, "update_parameters", update_parameters),
        (RDSResponse, "reset_db_parameter_group", reset_db_parameter_group),
        (DBInstance, "db_parameter_group_status_list", property(statuses)),
    ]


def _default(name: str) -> dict[str, Any]:
    return {"ParameterName": name, "Source": "engine-default", "IsModifiable": True, **CATALOGUE[name]}
