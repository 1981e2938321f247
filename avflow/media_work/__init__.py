"""The media work of each step, which runs in a process of its own (`avflow.isolation`).

`requests` and `merge_requests` have what a step asks for. The parent imports only these. Each other module has the
class `Tasks` of one step.
"""
