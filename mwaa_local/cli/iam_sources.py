"""Where `mwaa-local iam` reads the policies of the execution role: local IAM, JSON files, or a template."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mwaa_local.errors import FileMissing, SettingsFileInvalid

if TYPE_CHECKING:
    from mwaa_local.cli.session import Session
    from mwaa_local.environment.environment import Environment
    from mwaa_local.iam.policies import Statement
    from mwaa_local.remarks import Remark

Source = tuple["list[Statement] | None", str]  # statements, and what to call them or why there are none


def of_files(paths: Sequence[Path]) -> Source:
    """Return the statements of policy files. Raises FileMissing and SettingsFileInvalid."""
    from mwaa_local.iam.policies import statements

    found = []
    for path in paths:
        document = _document(_read(path))
        if not isinstance(document, Mapping) or "Statement" not in document:
            why = "It has no `Statement`, as policies do, and no `PolicyDocument`, as answers of IAM do."
            raise SettingsFileInvalid(f"{path} is no IAM policy", why, "name a file with a policy document in JSON")
        found += statements(document)
    return found, ", ".join(map(str, paths))


def of_template(path: Path, role: str) -> Source:
    """Return the statements of a role in a CloudFormation template. Raises FileMissing and SettingsFileInvalid."""
    from mwaa_local.iam.template import names_of, policy_of, roles_of

    template = _read(path)
    if not isinstance(template, Mapping) or not isinstance(template.get("Resources"), Mapping):
        hint = "name a template: with CDK, `cdk synth` writes it to cdk.out/STACK.template.json"
        raise SettingsFileInvalid(f"{path} is no CloudFormation template", "It has no `Resources`.", hint)
    names = names_of(template)
    chosen = [role] if role else roles_of(template)
    if len(chosen) != 1 or chosen[0] not in names:
        what = f"{path} has no role {role}" if role else f"which role of {path} MWAA takes is not clear"
        why = f"Roles there: {', '.join(names) or 'none'}."
        raise SettingsFileInvalid(what, why, "name one by its logical id: --role LOGICAL_ID")
    found, elsewhere = policy_of(template, chosen[0])
    others = f", without {', '.join(elsewhere)}, which it does not hold" if elsewhere else ""
    return found, f"the role {chosen[0]} of {path}{others}"


def of_local_iam(session: Session, role_arn: str | None) -> Source:
    """Return the statements of the execution role as the local IAM has it, if that runs."""
    from mwaa_local.api.aws_query import Absent, Aws, NoAnswer
    from mwaa_local.api.iam.execution_role import read_role
    from mwaa_local.configuration.base import region_of
    from mwaa_local.local_aws import owner_of, running_aws

    if not role_arn:
        return None, "mwaa.yaml names no ExecutionRoleArn; --policy or --template name policies"
    url = running_aws(owner_of(session.project), session.env)
    if url is None:
        return None, "no local AWS runs, whose IAM could be asked; --policy or --template name policies"
    aws = Aws(url, region_of(session.env))
    name = role_arn.rpartition("/")[2]
    try:
        _trust, found = read_role(aws, role_arn)
    except Absent:
        return None, f"the local IAM has no role {name}; make it there, or name policies by --policy or --template"
    except NoAnswer as error:
        return None, f"the local AWS does not answer: {error}"
    return found, f"the role {name} of the local IAM"


def role_remarks(environment: Environment, url: str, region: str) -> tuple[Remark, ...]:
    """Return that an enforced execution role is not in the local IAM at that URL; nothing where it does not answer."""
    from mwaa_local.api.aws_query import Absent, Aws, NoAnswer
    from mwaa_local.remarks import WARNING, Remark
    from mwaa_local.services.calls import enforced_roles

    for role_arn in enforced_roles(environment).values():
        name = role_arn.rpartition("/")[2]
        try:
            Aws(url, region).iam("GetRole", RoleName=name)
        except Absent:
            what = f"the local IAM has no role {name}, so every call of your tasks to the local AWS is refused"
            why = "With EnforceIam, tasks may call what ExecutionRoleArn grants: a role that does not exist, nothing."
            way = f"mwaa-local aws iam create-role --role-name {name} --assume-role-policy-document file://trust.json"
            hint = f"make it there, with its policies, or leave EnforceIam out: {way}"
            return (Remark(WARNING, "execution role", what, why, hint),)
        except NoAnswer:  # a health of its own tells that
            return ()
    return ()


def _document(value: Any) -> Any:
    """Return the policy document in an answer of IAM, or the value itself."""
    for name in ("PolicyVersion", "RolePolicy", "PolicyDocument", "Document"):
        value = value[name] if isinstance(value, Mapping) and name in value else value
    return value


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileMissing(f"cannot read {path}", str(error), "name a file that is there") from error
    try:
        return json.loads(text)
    except ValueError as error:
        if path.suffix in (".yaml", ".yml"):
            return _read_yaml(path, text)
        raise SettingsFileInvalid(f"{path} is not JSON", str(error), "write it as JSON") from error


def _read_yaml(path: Path, text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's short forms, as `!Sub`, as what they are short for."""

    def function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
        full = name if name in ("Ref", "Condition") else f"Fn::{name}"
        if isinstance(node, yaml.ScalarNode):
            return {full: loader.construct_scalar(node)}
        if isinstance(node, yaml.SequenceNode):
            return {full: loader.construct_sequence(node, deep=True)}
        assert isinstance(node, yaml.MappingNode)
        return {full: loader.construct_mapping(node, deep=True)}

    Loader.add_multi_constructor("!", function)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise SettingsFileInvalid(f"{path} is not YAML", str(error), "mend it, or give the template as JSON") from error
