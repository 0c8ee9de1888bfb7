"""The effects of library calls on the receiver and the arguments, by name of the function.

This module is data, to be read and extended. A row matches a name as a whole; an entry that ends
with ``*`` matches the beginning of a name. A name in no row is unknown. If the result of a call of
an unknown name is not used, the call may have changed its receiver. That change is a guess.
"""

from __future__ import annotations

_MAX_KNOWN = 4096  # maximum number of names whose match is remembered


class Names:
    """A row of names, and of beginnings of names."""

    def __init__(self, row: str) -> None:
        words = row.split()
        self._beginnings = tuple(word[:-1] for word in words if word.endswith("*"))
        self._known = dict.fromkeys((word for word in words if not word.endswith("*")), True)

    def __contains__(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = name.startswith(self._beginnings)
            if len(self._known) < _MAX_KNOWN:
                self._known[name] = known
        return known


# The receiver does not change.
READS_RECEIVER = Names(
    """
    to_* write* save* dump* print* head tail info describe show display close flush sum mean
    min max std copy log debug warn* warning error exception critical check* assert* exists
    mkdir makedirs unlink is* has* tight_layout join wait shutdown start terminate acquire
    release remove_file validate verify peek summary help get get_* items keys values count
    index find* imshow_file
    """
)

# The receiver changes: the arguments go into it. If the result is used, the change is a guess,
# except for the names of the next row: a method that changes a list may return a new table
# elsewhere.
CHANGES_RECEIVER = Names(
    """
    fit train append add add_* insert insert_* update
    push put put_* set set_* load_* read_into* readinto
    stack fill fill_* sort sort_values_inplace reverse discard register* plot* scatter
    hist hist2d hexbin imshow matshow pcolor* contour* errorbar bar barh boxplot violinplot
    axvline axhline axvspan axhspan step semilog* loglog stem quiver streamplot pie text
    annotate legend draw* fill_between* stackplot eventplot colorbar add_patch broken_barh
    tricontour* bar_label table_ write_table write_batch
    feed ingest reset_data merge_in run_on resample_inplace executemany execute insert_many
    get_observations get_datasets run_fit get_flux_points
    get_light_curve get_excess_map rename_column remove_column* remove_row* replace_column
    keep_columns add_column* add_row*
    """
)
ALWAYS_CHANGES_RECEIVER = Names(
    """
    fit_transform fit_predict partial_fit extend extendleft appendleft setdefault writelines
    writerow writerows writestr writeframes create_dataset create_group create_array
    create_variable createVariable
    """
)

# The result of these methods is a part of the receiver: a change of the result changes the
# receiver.
GIVES_PART = Names(
    """
    add_* gca gcf twin* new_* setdefault create_* createVariable createDimension require_*
    cursor axes __enter__ figure subplots subplot subplot_mosaic get_figure get_axes inset_axes
    get_or_create* begin add_sheet add_worksheet active worksheet* sheet* colorbar
    """
)
# The result is a part of the receiver in some libraries, and a copy in others.
GIVES_VIEW = Names(
    """
    ravel view reshape iter* group groups squeeze swapaxes transpose diagonal fit select_one
    """
)

# These may change their arguments and the parts of the arguments: a model during a fit.
CHANGES_ARGUMENTS = Names("run fit optimi* minimi* train solve refine")

# These draw into the current figure of pyplot, unless axes are among the arguments.
DRAWS = Names(
    """
    plot plot_* peek hist boxplot quicklook* draw_* show_fit plot interactive_plot
    """
)
DRAWING_LIBRARIES = ("seaborn", "iris.plot", "iris.quickplot", "hvplot", "sklearn.metrics.plot")
PYPLOT = ("matplotlib.pyplot", "pylab", "matplotlib.pylab")
BEGINS_FIGURE = frozenset(
    {"figure", "subplots", "clf", "close", "show", "cla", "subplot_mosaic", "ion"}
)
GIVES_CURRENT = frozenset({"gcf"})
GIVES_AXES = frozenset({"gca", "subplot", "axes", "subplot2grid", "twinx", "twiny"})

# The result of these is a file, or an object that writes into a file.
OPENS = Names(
    """
    open File ExcelWriter HDFStore PdfPages ZipFile TarFile GzipFile BytesIO StringIO Dataset
    NamedTemporaryFile TemporaryFile fdopen ParquetWriter SummaryWriter open_file Workbook
    open_workbook BZ2File LZMAFile TextIOWrapper BufferedWriter open_group create
    """
)

# These write their arguments into the file among the arguments. Other names may do so too.
WRITES_HANDLE = Names(
    """
    write* dump* print* save* to_* copy* export* put* append* create* add* set* insert* store*
    tofile imsave imwrite require_* update extend __setitem__
    """
)

# These write too, and a file among their arguments is not the file that they write into.
WRITES_RECEIVER = Names("write* put* append* add* set* insert* store* update extend __setitem__")

# These do not change a file, and their result is not a file.
READS_HANDLE = ("read", "load", "close", "flush", "seek")

# These write their other arguments into the argument at this position, or of this name.
WRITES_INTO: dict[str, tuple[int, str]] = {
    "heappush": (0, "heap"),
    "insort": (0, "a"),
    "numpy.put": (0, "a"),
    "numpy.place": (0, "arr"),
    "fill_diagonal": (0, "a"),
    "copyfileobj": (1, "fdst"),
    "setattr": (0, "obj"),
}

# These replace the whole content of the argument: nothing from before remains.
WRITES_WHOLE: dict[str, tuple[int, str]] = {"copyto": (0, "dst")}

# Libraries whose functions write into the argument ``out``; in other libraries it may be a name.
WRITES_OUT = ("numpy.", "cupy.", "torch.", "scipy.", "dask.", "numexpr.")

# The value of these attributes is the object itself, with another interface.
SAME_OBJECT = frozenset({"loc", "iloc", "at", "iat", "flat", "ix", "sel_at"})
# The value of other attributes comes from the object as it was made and changed as a whole. The
# value of these attributes also contains the values assigned to parts of the object.
SHOWS_PARTS = frozenset(
    {
        "values",
        "value",
        "T",
        "data",
        "array",
        "quantity",
        "columns",
        "index",
        "dtypes",
        "shape",
        "colnames",
    }
)

# PUTS_IN puts an item into the receiver; TAKES_PART returns or removes an item.
PUTS_IN = Names(
    """
    put put_* put_nowait push enqueue send append appendleft add add_* insert insert_* register*
    feed execute executemany insert_many
    """
)
# These change the order of the items of a list argument. Some of them also return an item.
REORDERS = frozenset(
    """
    shuffle heapify heappush insort insort_left insort_right heappop heappushpop heapreplace
    """.split()  # noqa: SIM905 - as the other rows
)
PUSHES = frozenset({"heappush", "insort", "insort_left", "insort_right"})
POPS = frozenset({"heappop", "heappushpop", "heapreplace"})
ADDS_ALL = frozenset({"update", "extend", "setdefault"})
TAKES_PART = Names(
    """
    get get_* pop popitem popleft fetch* recv execute query select dequeue receive
    """
)
# These remove a part of the receiver, which may be all of it.
CUTS = frozenset({"truncate"})
# These replace the data of what was drawn (a line, an image, a collection of points), or remove it.
REPLACES_DRAWN = frozenset(
    """
    set_data set_xdata set_ydata set_data_3d set_array set_offsets set_segments set_verts set_UVC
    cla clear
    """.split()  # noqa: SIM905 - as the other rows
)
# The result of these is a function that returns parts of its argument.
GETTERS = frozenset({"itemgetter", "attrgetter"})
# The rows or columns of the result are the arguments.
STACKS = Names("stack vstack hstack dstack column_stack row_stack array asarray block")
# These remove a part of their receiver: the part with the given name.
DROPS = frozenset(
    {"drop", "remove_column", "remove_columns", "drop_vars", "drop_columns", "delete_column"}
)
# Each attribute of the result may come from a different input.
GIVES_SEVERAL = frozenset({"parse_args", "parse_known_args", "parse_intermixed_args"})
# Decorators and functions that cache the results of a function for later equal calls.
KEEPS_RESULTS = frozenset(
    {"lru_cache", "cache", "cached", "cachedmethod", "memoize", "memoized", "cache_data"}
)
# Built-in functions that call a method of their argument.
CALLS_METHOD = {
    "len": ("__len__",),
    "str": ("__str__", "__repr__"),
    "repr": ("__repr__",),
    "bool": ("__bool__", "__len__"),
    "int": ("__int__", "__index__"),
    "float": ("__float__", "__index__"),
    "complex": ("__complex__",),
    "bytes": ("__bytes__",),
    "abs": ("__abs__",),
    "round": ("__round__",),
    "hash": ("__hash__",),
    "format": ("__format__",),
    "reversed": ("__reversed__",),
}

# The result is an argument, or its items.
GIVES_ARGUMENT = Names(
    """
    create_task ensure_future wait_for run_until_complete shield delayed remote iter tqdm
    trange_of contextmanager wraps jit njit closing nullcontext vectorize lru_cache cache
    """
)
# The result comes from another process, or from code that is not in the sources.
GIVES_FROM_ELSEWHERE = frozenset(
    """
    check_output getoutput getstatusoutput communicate recv popen Popen subprocess.run
    create_subprocess_exec create_subprocess_shell recv_bytes exec eval globals locals vars
    SharedMemory ShareableList
    """.split()  # noqa: SIM905 - as the other rows
)
# Methods of an exit stack: the result is the argument.
ENTERS = frozenset({"enter_context", "enter_async_context"})
# Methods of loggers, and functions of ``logging``, that write into log files.
LOGS = frozenset(
    {"debug", "info", "warning", "warn", "error", "critical", "exception", "log", "fatal"}
)
RUNS_COROUTINE = frozenset({"asyncio.run", "trio.run", "anyio.run", "uvloop.run"})
GIVES_ITEMS = Names(
    """
    list tuple set frozenset sorted reversed iter tqdm gather chain islice cycle deque
    array_split as_completed filter product combinations permutations wait Parallel track
    progress from_iterable
    """
)
# These are lazy: they read the items of their arguments only when their own items are read.
LAZY = frozenset(
    """
    map filter zip zip_longest enumerate islice chain from_iterable takewhile dropwhile starmap
    accumulate cycle iter tqdm track batched pairwise tee imap
    """.split()  # noqa: SIM905 - as the other rows
)
GIVES_ITEM = frozenset({"next", "min", "max", "choice", "reduce_one"})

# How libraries call the functions that they get as arguments.
CALLS_WITH_ARGUMENTS = frozenset(
    """
    submit apply_async spawn to_thread apply_sync call_soon start_new_thread run_in_executor
    """.split()  # noqa: SIM905 - as the other rows
)
CALLS_WITH_ITEMS = frozenset(
    {
        "map",
        "starmap",
        "imap",
        "imap_unordered",
        "map_async",
        "starmap_async",
        "filter",
        "thread_map",
        "process_map",
        "reduce",
        "map_blocks",
        "map_partitions",
    }
)
CALLS_LATER = frozenset({"Thread", "Process", "Timer"})
CALLS_ONCE = CALLS_WITH_ARGUMENTS | CALLS_LATER
# Calls that run a function in another thread or process, or at a later time.
RUNS_ELSEWHERE = (CALLS_ONCE | CALLS_WITH_ITEMS) - {"filter", "reduce"} | {
    "add_done_callback",
    "apply",
    "call_soon_threadsafe",
    "run_in_thread",
    "run_sync",
    "start",
}
CALLS_HERE = frozenset({"map", "starmap", "filter", "apply"})  # as functions, not as methods
POOLS = frozenset(
    {
        "Pool",
        "ThreadPool",
        "ProcessPoolExecutor",
        "ThreadPoolExecutor",
        "Client",
        "MPIPoolExecutor",
        "get_reusable_executor",
    }
)
GIVES_RESULT = frozenset({"result", "get", "compute", "wait", "value", "load_result"})


def is_known(name: str, library: str) -> bool:
    """Return whether the effect of a function on its arguments is known, including no effect."""
    if name in READS_RECEIVER or name in WRITES_WHOLE:
        return True
    return name in WRITES_INTO or library in WRITES_INTO
