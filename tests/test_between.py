"""The lines that ran between two calls: only lines that really ran, or none."""

from __future__ import annotations

import textwrap

import pytest

SUBJECT = """
class Analysis:
    def __init__(self):
        self.data = [0]
    def make(self, *given):
        self.data = Data()
        return self.data
    def use(self, *given):
        return None
    async def work(self):
        return None

class Data:
    def __init__(self):
        self.values = [1]
"""

DEFINITION = """
targets: [subject:Analysis]
activities:
  make: {generation: [{role: data, value: data, entity_description: Data}]}
  use: {usage: [{role: data, value: data, entity_description: Data}]}
  work: {usage: [{role: data, value: data, entity_description: Data}]}
entities:
  Data: {type: PythonObject, identifier: [values]}
"""

HEAD = "import subject\na = subject.Analysis()\nchange = lambda: a.data.values.append(1)\n"


@pytest.fixture
def run(recorded):
    """Runs a script; gives each derivation's lines: their numbers in the script, and the text."""
    recorded.write("subject.py", SUBJECT)
    recorded.write("definition.yaml", DEFINITION)

    def run_script(body, *arguments, head=HEAD):
        text = head + textwrap.dedent(body).lstrip("\n")
        path = recorded.write("script.py", text)
        recorded.run(*(arguments or ["script.py"]))
        found = []
        # What an identifier does not fit is identified by its content, and said once.
        assert [one for one in recorded.events("complaint") if one["stage"] != "identifier"] == []
        for event in recorded.events("derivation"):
            assert event["how"] == "modified"
            code = event.get("code")
            if code is None:
                found.append(None)
                continue
            first, last = code["first_line"], code["last_line"]
            lines = text.splitlines()[first - 1 : last]
            if code["file"] == str(path):
                assert set(code["text"].splitlines()) <= set(lines)
                assert code["text"].splitlines()[0] == lines[0]
            found.append(textwrap.dedent(code["text"]))
        return found

    return run_script


def test_text_begins_after_the_whole_call(run):
    """The first call ends some lines below its beginning, and the second begins above its end."""
    assert run("""
        a.make(
            1,
            2,
        )
        change()
        print(
            a.use(
                1),
        )
        """) == ["change()"]  # fmt: skip


def test_method_chain_over_lines(run):
    """The name of the method may stand on a line of its own."""
    assert run("""
        (
            a
            .make()
        )
        change()
        (
            a
            .use()
        )
        """) == ["change()"]  # fmt: skip


def test_one_line_has_no_lines_between(run):
    """Nested expressions, and statements beside each other."""
    assert run("""
        a.use(a.make(), change())
        a.make(); change(); a.use()
        """) == [None, None]  # fmt: skip


def test_comments_and_blank_lines_at_the_ends_are_no_matter(run):
    """The range begins and ends with a line that holds something."""
    assert run("""
        a.make()

        change()  # so

        a.use()
        """) == ["change()  # so"]  # fmt: skip


def test_second_call_above_the_first_in_a_loop(run):
    """The lines run in the other order: nothing is said."""
    assert run("""
        a.make()
        for step in range(3):
            a.use()
            change()
        """) == [None, None]  # fmt: skip


def test_both_calls_in_a_loop(run):
    """The first stands before the second in the same round."""
    assert run("""
        for step in range(2):
            a.make()
            change()
            a.use()
        """) == ["change()", "change()"]  # fmt: skip


def test_second_call_of_a_loop_in_the_next_round(run):
    """What was seen last in a round is changed in the next, above it."""
    assert run("""
        a.make()
        for step in range(2):
            change()
            a.use()
        """) == ["for step in range(2):\n    change()", None]  # fmt: skip


def test_first_call_inside_a_loop(run):
    """The loop may go on or be left anywhere: what stands after it ran."""
    assert run("""
        for step in range(2):
            a.make()
            if step:
                break
            print("not last")
        change()
        a.use()
        """) == ["change()"]  # fmt: skip


def test_while_whose_head_calls_again(run):
    """Its head is run after its body, and stands above it."""
    assert run("""
        steps = [1, 2]
        while a.use() or steps:
            steps.pop()
            a.make()
            change()
        """) == [None, None]  # fmt: skip


def test_head_of_a_statement_and_its_block(run):
    """The head is run before the block."""
    assert run("""
        if a.make():
            change()
            a.use()
        """) == ["change()"]  # fmt: skip


def test_branch_not_taken_is_not_shown(run):
    """Between the calls, but on another way."""
    assert run("""
        a.make()
        if not a:
            print("no")
        elif a is None:
            print("neither")
        else:
            change()
            a.use()
        """) == ["if not a:\nelif a is None:\nelse:\n    change()"]  # fmt: skip


def test_branch_of_the_first_call_is_shown_to_its_end(run):
    """A module runs once: the branch was taken."""
    assert run("""
        if a:
            a.make()
            change()
        else:
            print("no")
        print("after")
        a.use()
        """) == ['    change()\nprint("after")']  # fmt: skip


def test_two_branches_of_one_statement(run):
    """What ran of a block that was left by an error is not known."""
    assert run("""
        try:
            a.make()
            change()
            1 / 0
            print("never")
        except ZeroDivisionError:
            a.use()
        """) == [None]  # fmt: skip


def test_first_call_in_a_try(run):
    """Neither is it when the second call stands after it; only what stands there is."""
    assert run("""
        try:
            a.make()
            1 / 0
            print("never")
        except ZeroDivisionError:
            pass
        change()
        a.use()
        """) == ["change()"]  # fmt: skip


def test_with_is_entered(run):
    """What it surely enters was entered in a function too."""
    assert run("""
        import contextlib
        def main():
            with contextlib.suppress(ValueError):
                a.make()
                raise ValueError
                print("never")
            change()
            a.use()
        main()
        """) == ["change()"]  # fmt: skip


def test_calls_in_one_function(run):
    """A function's frame is as good as a module's."""
    assert run("""
        def main():
            a.make()
            change()
            if a:
                a.use()
        main()
        """) == ["change()\nif a:"]  # fmt: skip


def test_two_calls_of_one_function_are_not_one(run):
    """Their frames lie at one address, and nothing but a condition says which is which."""
    assert run("""
        def step(number):
            if number == 0:
                a.make()
            print("in between")
            if number == 1:
                a.use()
        def other(number):
            a.make() if number == 0 else None
            print("in between")
            a.use() if number == 1 else None
        def third(number):
            for _ in range(1 - number):
                a.make()
            print("in between")
            number and a.use()
        for one in (step, other, third):
            one(0)
            change()
            one(1)
        """) == [None, None, None]  # fmt: skip


def test_recursion_is_not_one_frame(run):
    """The inner call's frame is another."""
    assert run("""
        def step(depth):
            a.make()
            change()
            if depth:
                step(depth - 1)
            else:
                return
            change()
            a.use()
        step(1)
        """) == [None]  # fmt: skip


def test_calls_in_two_functions(run):
    """Between two frames no lines are known."""
    assert run("""
        def make():
            a.make()
        def use():
            a.use()
        make()
        change()
        use()
        """) == [None]  # fmt: skip


def test_threads_do_not_know_of_each_other(run):
    """One thread makes, another uses, both in the same function."""
    assert run("""
        import threading
        def work(first):
            if first:
                a.make()
                return
            print("in between")
            a.use()
        for first in (True, False):
            thread = threading.Thread(target=work, args=(first,))
            thread.start()
            thread.join()
            change()
        """) == [None]  # fmt: skip


def test_coroutine_that_runs_when_it_is_awaited(run):
    """``await`` at once is a call; a task runs later than it was made."""
    assert run("""
        import asyncio
        async def main():
            a.make()
            change()
            await a.work()
            change()
            task = asyncio.create_task(a.work())
            print("before it runs")
            await task
            change()
            a.use()
        asyncio.run(main())
        """) == ["change()", None, None]  # fmt: skip


def test_text_without_a_file_is_not_shown(run):
    """``exec`` and ``-c``: many sources have that name."""
    body = "exec('a.make()\\nchange()\\na.use()')\n"
    assert run(body) == [None]


def test_command_line_is_not_shown(run):
    """``-c`` has no file either."""
    assert run("", "-c", HEAD + "a.make()\nchange()\na.use()\n") == [None]


def test_source_edited_since_is_not_shown(run):
    """The lines of the file are no longer those that ran."""
    assert run("""
        import pathlib
        path = pathlib.Path(__file__)
        a.make()
        change()
        path.write_text(path.read_text().replace("change", "fiddle"))
        a.use()
        """) == [None]  # fmt: skip


def test_source_that_warns_is_left_alone(run, recorded):
    """The parser's warnings are shown once, by the interpreter, as without us."""
    text = HEAD + 'print("\\d")\na.make()\nchange()  # \\d\na.use()\n'
    recorded.write("other.py", text)
    bare, with_us = (
        run_it("other.py", PYTHONWARNINGS="always").stderr.count("invalid escape")
        for run_it in (recorded.python, recorded.run)
    )
    assert bare == with_us > 0
    (event,) = recorded.events("derivation")
    assert event["code"]["text"] == "change()  # \\d"


def test_cells_of_a_notebook(run, recorded):
    """Within a cell its lines are shown; between two cells nothing is known."""
    pytest.importorskip("IPython")
    assert run("""
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance(user_ns={"a": a, "change": change})
        shell.run_cell("a.make()\\nchange()\\na.use()")
        shell.run_cell("a.make()")
        shell.run_cell("change()")
        shell.run_cell("a.use()")
        """) == ["change()", None]  # fmt: skip


CELLS = {
    "alone": (["n = 1", "a.value = n\nchange()"], "a.value = n\nchange()"),
    "shown, too": (["print(a)", "a.value = 1; change()", "str(a)"], "a.value = 1; change()"),
    "deleted": (["a.value = [1]; change()"], "a.value = [1]; change()"),
    "twice": (["a.value = 1", "a.value = 2; change()"], None),
    "by another name": (["change()", "n = 1"], None),
}


@pytest.mark.parametrize("how", CELLS)
def test_the_cell_that_changed_it(run, how):
    """Between two other cells of a notebook; numbers tell the order in which they ran."""
    pytest.importorskip("IPython")
    cells, expected = CELLS[how]
    assert run(f"""
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance(user_ns={{"a": a, "change": change}})
        for cell in ["a.make()", *{cells!r}, "a.use()"]: shell.run_cell(cell, store_history=True)
        """) == [expected]  # fmt: skip


@pytest.mark.parametrize("cells", [["a.make()\na.value = 1; change()", "a.use()"],
                                   ["a.make()", "a.value = 1; change()\na.use()"]])  # fmt: skip
def test_a_part_of_the_cell_of_a_call_changed_it(run, cells):
    pytest.importorskip("IPython")
    assert run(f"""
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance(user_ns={{"a": a, "change": change}})
        for cell in {cells!r}: shell.run_cell(cell, store_history=True)
        """) == ["a.value = 1; change()"]  # fmt: skip


def test_long_text_is_cut(run):
    """Forty lines are shown, the range is whole."""
    body = "a.make()\n" + "change()\n" * 60 + "a.use()\n"
    (text,) = run(body)
    assert text.count("change()") == 40
