"""States for state machines that the tests run."""


def spans_map(start, states, **settings):
    """A Map over `$.spans`, three at once."""
    ended = {
        name: {**state, "End": True} if state["Type"] in ("Task", "Wait") and "Next" not in state else state
        for name, state in states.items()
    }
    return {
        "Type": "Map",
        "ItemsPath": "$.spans",
        "MaxConcurrency": 3,
        "ItemSelector": {
            "video.$": "$.video",
            "part.$": "$$.Map.Item.Value.part",
            "on_batch.$": "$$.Map.Item.Value.on_batch",
        },
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": start, "States": ended},
        **settings,
    }


def spans(*on_batch):
    """The input of an execution with a span for each value."""
    parts = [{"part": part, "on_batch": value} for part, value in enumerate(on_batch)]
    return {"video": {"key": "start/a.mkv"}, "spans": parts}


def on_lambda(bench, **payload):
    task = bench.invoke("tell")
    task["Parameters"]["Payload"] = {"video.$": "$.video", "part.$": "$.part", **payload}
    return {**task, "ResultSelector": {"lambda.$": "$.Payload.event.part", "video.$": "$.Payload.event.video"}}


def on_batch(bench):
    task = bench.submit("tell")
    task["Parameters"]["Parameters"] = {
        "what": "tell",
        "with.$": "States.Format('{}', $.part)",
        "and.$": "States.JsonToString($.video)",
    }
    selected = {"batch.$": "$.Parameters.with", "video.$": "States.StringToJson($.Parameters.and)"}
    return {**task, "ResultSelector": selected}


def choose(variable, then, otherwise, **condition):
    return {"Type": "Choice", "Choices": [{"Variable": variable, "Next": then, **condition}], "Default": otherwise}
