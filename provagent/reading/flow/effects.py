"""What calls of libraries do to their receiver and their arguments, by the names of what is called.

This is data, to be read and extended. A name is matched as a whole, or by its beginning if it
ends with ``*``. Names that are in no row are unknown: such a call whose result is not used may
have changed its receiver, which is a guess.
"""

from __future__ import annotations

_MAX_KNOWN = 4096  # names whose place in a row is remembered


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


# The receiver stays as it is.
READS_RECEIVER = Names(
    """
    to_* write* save* dump* print* head tail info describe show display close flush sum mean
    min max std copy log debug warn* warning error exception critical check* assert* exists
    mkdir makedirs unlink is* has* tight_layout join wait shutdown start terminate acquire
    release remove_file validate verify peek summary help get get_* items keys values count
    index find* imshow_file
    """
)

# The receiver changes: what is handed over goes into it. If the result is used, that is a guess,
# except for those of the next row: what changes a list gives back a new table elsewhere.
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

# What these methods give back is a part of the receiver: its changes are changes of it.
GIVES_PART = Names(
    """
    add_* gca gcf twin* new_* setdefault create_* createVariable createDimension require_*
    cursor axes __enter__ figure subplots subplot subplot_mosaic get_figure get_axes inset_axes
    get_or_create* begin add_sheet add_worksheet active worksheet* sheet* colorbar
    """
)
# This is one in some libraries, and a copy in others.
GIVES_VIEW = Names(
    """
    ravel view reshape iter* group groups squeeze swapaxes transpose diagonal fit select_one
    """
)

# These may change what they are given, and what belongs to it: a model while it is fitted.
CHANGES_ARGUMENTS = Names("run fit optimi* minimi* train solve refine")

# These draw into the current figure of pyplot, unless they are given axes.
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

# What these give back is a file, or writes into one.
OPENS = Names(
    """
    open File ExcelWriter HDFStore PdfPages ZipFile TarFile GzipFile BytesIO StringIO Dataset
    NamedTemporaryFile TemporaryFile fdopen ParquetWriter SummaryWriter open_file Workbook
    open_workbook BZ2File LZMAFile TextIOWrapper BufferedWriter open_group create
    """
)

# These write what they are given into the file among it; others perhaps do.
WRITES_HANDLE = Names(
    """
    write* dump* print* save* to_* copy* export* put* append* create* add* set* insert* store*
    tofile imsave imwrite require_* update extend __setitem__
    """
)

# So do these, and what they are given is no file that they write into.
WRITES_RECEIVER = Names("write* put* append* add* set* insert* store* update extend __setitem__")

# These leave a file as it is, and what they give back is none.
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

# These write all of it anew: nothing is left of what was there.
WRITES_WHOLE: dict[str, tuple[int, str]] = {"copyto": (0, "dst")}

# Libraries whose functions write into what they are given as ``out``; in others it may be a name.
WRITES_OUT = ("numpy.", "cupy.", "torch.", "scipy.", "dask.", "numexpr.")

# What these attributes of an object give is the object itself, seen in another way.
SAME_OBJECT = frozenset({"loc", "iloc", "at", "iat", "flat", "ix", "sel_at"})
# Other attributes are read from the object as it was made and changed as a whole; these show
# what was assigned to its parts as well.
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

# These put one more into what they are called on, and these take one of them out of it again.
PUTS_IN = Names(
    """
    put put_* put_nowait push enqueue send append appendleft add add_* insert insert_* register*
    feed execute executemany insert_many
    """
)
# These put the items of a list that they are given in another order, and these give one of them.
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
# These take something away from what they are called on, which may be all.
CUTS = frozenset({"truncate"})
# What these give back takes parts of what it is called with.
GETTERS = frozenset({"itemgetter", "attrgetter"})
# The rows of what these give back, or its columns, are what they were given.
STACKS = Names("stack vstack hstack dstack column_stack row_stack array asarray block")
# These leave a part of their receiver out: that of this name.
DROPS = frozenset(
    {"drop", "remove_column", "remove_columns", "drop_vars", "drop_columns", "delete_column"}
)
# The attributes of what these give back may each be another one of what they have read.
GIVES_SEVERAL = frozenset({"parse_args", "parse_known_args", "parse_intermixed_args"})
# Decorators and functions that keep what a function gave back, for the next call like it.
KEEPS_RESULTS = frozenset(
    {"lru_cache", "cache", "cached", "cachedmethod", "memoize", "memoized", "cache_data"}
)
# Built-in functions that call a method of what they are given.
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

# What they give back is what they are given, or the items of it.
GIVES_ARGUMENT = Names(
    """
    create_task ensure_future wait_for run_until_complete shield delayed remote iter tqdm
    trange_of contextmanager wraps jit njit closing nullcontext vectorize lru_cache cache
    """
)
# What they give back comes from another process, or from code that is not in the sources.
GIVES_FROM_ELSEWHERE = frozenset(
    """
    check_output getoutput getstatusoutput communicate recv popen Popen subprocess.run
    create_subprocess_exec create_subprocess_shell recv_bytes exec eval globals locals vars
    SharedMemory ShareableList
    """.split()  # noqa: SIM905 - as the other rows
)
# Methods of an exit stack: what they give back is what they are given.
ENTERS = frozenset({"enter_context", "enter_async_context"})
# Methods of loggers, and functions of logging, that write into its files.
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
# These ask what they are given for its items only when they are asked for theirs.
LAZY = frozenset(
    """
    map filter zip zip_longest enumerate islice chain from_iterable takewhile dropwhile starmap
    accumulate cycle iter tqdm track batched pairwise tee imap
    """.split()  # noqa: SIM905 - as the other rows
)
GIVES_ITEM = frozenset({"next", "min", "max", "choice", "reduce_one"})

# How libraries call the functions that they are given.
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
# Calls by which a function comes to run in another thread or process, or at another time.
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
    """Return whether it is known what a function changes of what it is given, if anything."""
    if name in READS_RECEIVER or name in WRITES_WHOLE:
        return True
    return name in WRITES_INTO or library in WRITES_INTO
