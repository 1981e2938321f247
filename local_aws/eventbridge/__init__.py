"""EventBridge of the embedded AWS: brings each event to the targets of the rules that match it."""
