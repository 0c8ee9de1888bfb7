"""Modules that hand tasks to threads and to other processes (see ``context_propagation``).

They are looked out for from the start: one that is being imported when the recorder is loaded, as
an engine that imports a target is, is met when it has executed.
"""

# A worker of dask imports a target while it begins with its first task: that would not be followed.
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
