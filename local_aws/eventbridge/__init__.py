"""EventBridge: delivers each event to the targets of the rules that match it; moto keeps the rules."""
