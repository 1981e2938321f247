"""The media work of each step, which runs in a process of its own (`avflow.isolation`).

`requests` has what a step asks for. The parent imports only that. Each other module has the class `Tasks` of one step.
"""
