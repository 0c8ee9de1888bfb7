"""Modules that send tasks to threads and to other processes (see ``context_propagation``).

The finder watches for them from the start. A module may be in the middle of its import when the
recorder is loaded, for example an engine that imports a target: it is woven when it has executed.
"""

# A worker of dask imports a target while it begins its first task: too late for this task.
WORKER_MODULE = "distributed.worker"
TASK_MODULES = (
    "threading",
    "concurrent.futures._base",
    "concurrent.futures.process",
    "concurrent.futures.thread",
    "distributed.client",
    WORKER_MODULE,
    "joblib.externals.loky.process_executor",
    "loky.process_executor",
    "multiprocessing.pool",
    "multiprocessing.process",
)
