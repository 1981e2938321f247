"""Media work in a process without credentials, network or other people's files.

An upload may be made to take over its decoder. So no decoder runs in the process that has the credentials::

    parent (`worker.MediaWorker`)                  child (`child.main`)
    AWS, the objects, budget, logs  -- requests ->  probe, decode, infer, recognise, encode
                                    <- answers --   sees its scratch folder, the models and the libraries

The child starts with an empty environment, gives up its rights (`entering`: no_new_privs, rlimits, Landlock, seccomp),
and only then reads an upload. Every upload has a child of its own. In a warm function a process that has loaded the
libraries forks it (`nursery`). Both sides exchange lines of JSON (`messages`). The
parent believes nothing in them: `answers` checks each, and `workplace` each file that the child has made.

docs/architecture.md says which part stops what.
"""
