"""What the sessions of the embedded AWS share."""

from local_aws.sessions import new_session


def test_a_services_description_is_parsed_once(bench):
    one, other = (
        new_session()._session.get_component("data_loader").load_service_model("sqs", "service-2") for _ in range(2)
    )
    assert one["metadata"]["serviceId"] == "SQS"
    assert one is other
