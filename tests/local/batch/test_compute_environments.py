"""What AWS Batch refuses of a compute environment."""

import pytest

from local_aws.batch.compute_environments import check
from local_aws.wire import ServiceError

OFFERED = frozenset({"g4dn.xlarge", "g4dn.2xlarge", "m5.large"})


def environment(policy=None, **resources):
    ec2 = {"type": "EC2", "minvCpus": 0, "maxvCpus": "16", "instanceTypes": ["g4dn.xlarge"], **resources}
    return {"type": "MANAGED", "computeResources": ec2, "updatePolicy": policy or {}}


@pytest.mark.parametrize("types", [["g4dn.xlarge"], ["g4dn"], ["optimal"], ["g4dn.xlarge", "m5"]])
@pytest.mark.parametrize("kind", ["EC2", "SPOT"])
def test_types_and_families_of_the_region_are_taken(types, kind):
    check(environment(instanceTypes=types, type=kind), OFFERED)


@pytest.mark.parametrize("types", [["g6.xlarge"], ["g4dn.xlarge", "g5"], ["g4dn.large"], []])
def test_what_the_region_lacks_is_refused_with_all_that_it_has(types):
    with pytest.raises(ServiceError) as refused:
        check(environment(instanceTypes=types), OFFERED)
    assert refused.value.code == "ClientException"
    assert refused.value.message == (
        "Error executing request, Exception : Instance type can only be one of [default_arm64, default_x86_64, g4dn, "
        "g4dn.2xlarge, g4dn.xlarge, m5, m5.large, optimal]"
    )


def test_where_the_types_are_not_known_any_is_taken():
    check(environment(instanceTypes=["g6.xlarge"]), frozenset())


@pytest.mark.parametrize(("lowest", "highest"), [(20, 16), ("20", "16"), ("9", "8")])
def test_a_minimum_above_the_maximum_is_refused(lowest, highest):
    with pytest.raises(ServiceError, match="minvCpus"):
        check(environment(minvCpus=lowest, maxvCpus=highest), OFFERED)


@pytest.mark.parametrize(("minutes", "allowed"), [(1, True), (730, True), (7200, True), (7201, False), (0, False)])
def test_the_time_that_an_update_gives_jobs_has_limits(minutes, allowed):
    given = environment({"jobExecutionTimeoutMinutes": minutes})
    if allowed:
        check(given, OFFERED)
    else:
        with pytest.raises(ServiceError, match="jobExecutionTimeoutMinutes"):
            check(given, OFFERED)


def test_fargate_has_no_types():
    check({"type": "MANAGED", "computeResources": {"type": "FARGATE", "maxvCpus": 4}}, OFFERED)
