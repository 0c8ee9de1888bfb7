"""Generated programs whose files show their origins by their content.

Each input contains its own name in angle brackets, and so does each written file. No operation of
a program removes such a name from a text. So the names in a file are the names of its origins. The
generator, ``Programs``, knows everything else that is true of a program.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

INPUTS = tuple(f"in{number}.txt" for number in range(8))
TEXTS = ("s0", "s1", "s2", "s3")
LAB = """
from dataclasses import dataclass

class Box:
    def __init__(self, v): self.v = v
    def add(self, text): self.v = self.v + text

@dataclass
class Pair:
    one: str
    two: str

class Model:
    def __init__(self, path):
        with open(path) as file: self.text = file.read()
    def apply(self, text): return text + self.text
    def store(self, path):
        with open(path, "w") as file: file.write(f"{self.text} <{path}>")

def load(path):
    with open(path) as file: return file.read()
def loaded(path): return [f"{one} part" for one in (open(path).read(), open(path).read() * 2)]
def save(text, path):
    with open(path, "w") as file: file.write(f"{text} <{path}>")
def append(text, path):
    with open(path, "a") as file: file.write(f"{text} <{path}>")
def convert(source, target):
    with open(source) as file: text = file.read()
    with open(target, "w") as file: file.write(f"{text} <{target}>")
def gather(sources, target):
    text = "".join([open(one).read() for one in sources])
    with open(target, "w") as file: file.write(f"{text} <{target}>")
def split(source, one, two):
    text = open(source).read()
    with open(one, "w") as file: file.write(f"{text} <{one}>")
    with open(two, "w") as file: file.write(f"2 {text} <{two}>")
def combine(parts): return "+".join(parts)
def of_dict(parts): return "&".join(f"{key} {parts[key]}" for key in parts)
def of_box(box): return f"{box.v} of a box"
def of_pair(pair): return f"{pair.one} {pair.two} of a pair"
def boxed(text): return Box(f"{text} boxed")
def paired(one, two): return Pair(f"{one} first", f"{two} {one} second")
def listed(text): return [f"{text} 0", f"{text} 1"]
def tupled(one, two): return f"{one} {two} a", f"{two} {one} b"
def keyed(one, two): return {"a": f"{one} {two} key", "b": f"{two} {one} key b"}
def change(box, text): box.v = f"{box.v} {text}"
def push(parts, text): parts.append(f"{text} pushed")
def outer(path): return f"{load(path)} outer"
def product(one, two, target): save(combine([load(one), load(two)]), target)
def stream(text):
    yield f"{text} first of a stream"
    yield f"{text} second of a stream"
"""
HELPER = """
def read(path):
    with open(path) as file: return file.read()
def write(path, text):
    with open(path, "w") as file: file.write(f"{text} <{path}>")
def join(*parts): return "|".join(parts)
def each(paths):
    for path in paths: yield read(path)
class Reader:
    def __init__(self, path): self.path = path
    def text(self): return read(self.path)
"""
STEP = """
import sys
source, target = sys.argv[1:]
with open(source) as file: text = file.read()
with open(target, "w") as file: file.write(f"{text} step <{target}>")
"""
FILTER = """
import sys
print(sys.stdin.read(), f"filtered <{sys.argv[1]}>")
"""
HEAD = """
import json, multiprocessing, os, shutil, subprocess, sys, threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
import helper, lab

def work(source, target):
    text = open(source).read()
    with open(target, "w") as file:
        file.write(f"{text} worked <{target}>")
def g(p, q):
    return f"{p} {q} g"
def merged(*parts):
    whole = ""
    for part in parts:
        whole += part
    return whole
"""
FILE = {"entity_description": "Text file"}
# What a definition says of functions of the module: usage and generation.
DESCRIBED = {
    "load": ("{role: source, entity_description: Table, location: path}", "{role: text, entity_description: Text, value: result}"),
    "save": ("{role: text, entity_description: Text, value: text}", "{role: target, entity_description: Table, location: path}"),
    "append": ("{role: text, entity_description: Text, value: text}", "{role: target, entity_description: Table, location: path, overwrite: true}"),
    "convert": ("{role: source, entity_description: Table, location: source}", "{role: target, entity_description: Table, location: target}"),
    "split": ("{role: source, entity_description: Table, location: source}", "{role: one, entity_description: Table, location: one}, {role: two, entity_description: Table, location: two}"),
    "combine": ("{role: parts, entity_description: Parts, value: parts, has_members: {list: parts, entity_description: Text}}", "{role: text, entity_description: Text, value: result}"),
    "boxed": ("{role: text, entity_description: Text, value: text}", "{role: box, entity_description: Box, value: result}"),
    "of_box": ("{role: box, entity_description: Box, value: box}", "{role: text, value: result}"),
    "change": ("{role: box, entity_description: Box, value: box}, {role: text, entity_description: Text, value: text}", "{role: changed, entity_description: Box, value: box}"),
    "listed": ("{role: text, entity_description: Text, value: text}", "{role: parts, entity_description: Parts, value: result, has_members: {list: result, entity_description: Text}}"),
    "outer": ("{role: source, entity_description: Table, location: path}", "{role: text, entity_description: Text, value: result}"),
}  # fmt: skip
FUNCTIONS = re.findall(r"^def (\w+)", LAB, re.MULTILINE)


@dataclass
class Programs:
    """Scripts to be run one after the other, on one store, and what is known of them."""

    seed: int
    scripts: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    products: set[str] = field(default_factory=set)
    makers: dict[str, str] = field(default_factory=dict)  # of the last state of a file, if traced
    definition: str = ""
    traced: set[str] = field(default_factory=set)

    def files(self):
        modules = {"lab.py": LAB, "helper.py": HELPER, "step.py": STEP, "filter.py": FILTER}
        return {**modules, **self.inputs, **self.scripts, "definition.yaml": self.definition}


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.programs = Programs(seed)
        self.number = 0

    def programs_of(self) -> Programs:
        programs = self.programs
        for name in INPUTS:
            programs.inputs[name] = f"<{name}> {self.random.getrandbits(160):040x}\n"
        self.define()
        for number in range(self.random.choice([1, 1, 1, 2, 2, 3])):
            programs.scripts[f"p{number}.py"] = self.script()
        return programs

    def define(self) -> None:
        """Each function of the module is described, or traced without that, or not traced."""
        chosen = {name: self.random.choice("dddttn") for name in FUNCTIONS}
        traced = [name for name in FUNCTIONS if chosen[name] != "n"]
        lines = ["provagent: 1", "targets:"]
        lines += [f"  - lab:{name}" for name in traced]
        if self.random.random() < 0.6:
            lines.append("  - lab:Model")
        if self.random.random() < 0.4:
            lines.append("  - __main__:g")
        if self.random.random() < 0.3:
            lines.append("  - __main__:work")
        described = [name for name in traced if chosen[name] == "d" and name in DESCRIBED]
        if described:
            lines.append("activities:")
        for name in described:
            usage, generation = DESCRIBED[name]
            lines += [f"  {name}:", f"    usage: [{usage}]", f"    generation: [{generation}]"]
        lines += ["entities:", "  Table: {type: File, contentType: text/plain}", "  Text: {}"]
        lines += ["  Parts: {}", f"  Box: {{identifier: {self.random.choice(['[v]', 'content'])}}}"]
        self.programs.definition = "\n".join(lines) + "\n"
        self.programs.traced = set(traced)

    def script(self) -> str:
        lines = [f"{name} = {self.reading()}" for name in TEXTS]
        lines += ["l0 = [s0, s1]", "l1 = [s2]", "d0 = {'a': s2, 'b': s3}", "t0 = (s1, s2)"]
        lines += ["b0 = lab.Box(s3)", "q0 = lab.Pair(s0, s2)"]
        for _ in range(self.random.randint(5, 16)):
            lines += self.statement(2)
        for name in (*self.random.sample(TEXTS, 2), "''.join(l0)", "d0['a']", "b0.v", "t0[0]"):
            lines += self.writing(name)
        if self.random.random() < 0.5:
            body = "\n".join(["def main():", *indented(lines)])
        else:
            body = "\n".join(["if True:", *indented(lines)])
        call = "main()" if body.startswith("def") else ""
        whole = f"{HEAD}\n{body}\n"
        if call:
            whole += "if __name__ == '__main__':\n    main()\n"
        return whole

    # Parts of statements.

    def chance(self, likely: float) -> bool:
        return self.random.random() < likely

    def text(self) -> str:
        return self.random.choice(TEXTS)

    def a_list(self) -> str:
        return self.random.choice(["l0", "l1"])

    def key(self) -> str:
        return self.random.choice("ab")

    def source(self) -> str:
        products = sorted(self.programs.products)
        return self.random.choice(products if products and self.chance(0.5) else INPUTS)

    def target(self, kind: str = "out", *, new: bool = False) -> str:
        """A new file, or one that is there already."""
        old = [name for name in sorted(self.programs.products) if name.startswith(kind)]
        if old and not new and self.chance(0.35):
            return self.random.choice(old)
        self.number += 1
        name = f"{kind}{self.number}.txt"
        self.programs.products.add(name)
        return name

    def reading(self) -> str:
        source = self.source()
        return self.random.choice([
            f"open('{source}').read()", f"lab.load('{source}')", f"Path('{source}').read_text()",
            f"helper.read('{source}')", f"lab.outer('{source}')", f"helper.Reader('{source}').text()",
            f"lab.Model('{source}').apply('m ')",
        ])  # fmt: skip

    def writing(self, text: str) -> list[str]:
        before = set(self.programs.products)
        target = self.target()
        is_new = target not in before
        mark = f"<{target}>"
        ways = [
            [f"open('{target}', 'w').write({text} + ' {mark}')"],
            [
                f"with open('{target}', 'w') as h:",
                f"    h.write({text})",
                f"    h.write(' {mark}')",
            ],
            [f"with open('{target}', 'w') as h:", f"    print({text}, '{mark}', file=h)"],
            [f"Path('{target}').write_text({text} + ' {mark}')"],
            [f"helper.write('{target}', {text})"],
            [f"lab.save({text}, '{target}')"],
            [f"lab.save({text}, '{target}')"],
            [f"with open('{target}', 'w') as h:", f"    json.dump([{text}, '{mark}'], h)"],
        ]
        if not is_new:
            ways += 2 * [
                [f"open('{target}', 'a').write({text} + ' {mark}')"],
                [f"lab.append({text}, '{target}')"],
                [f"with open('{target}', 'a') as h:", f"    h.write({text} + ' {mark}')"],
                [f"with open('{target}', 'r+') as h:", "    h.seek(0, 2)", f"    h.write({text} + ' {mark}')"],
            ]  # fmt: skip
        return self.random.choice(ways)

    # Statements.

    def statement(self, depth: int) -> list[str]:
        kinds = [self.plain] * 6 + [self.traced] * 4 + [self.write] * 3 + [self.files] * 2
        kinds += [self.handed] * 2 + ([self.block] * 3 if depth else [])
        return self.random.choice(kinds)(depth)

    def write(self, _: int) -> list[str]:
        text = self.random.choice([*TEXTS, "b0.v", "d0['b']", "l0[0]", "''.join(l1)", "t0[1]"])
        return self.writing(text)

    def plain(self, _: int) -> list[str]:
        s, a, b, v, m = self.text(), self.text(), self.text(), self.a_list(), self.a_list()
        k, j = self.key(), self.key()
        return [self.random.choice([
            f"{s} = {self.reading()}", f"{s} = {self.reading()}", f"{s} = {a} + {b}",
            f"{s} = f'{{{a}}} {{{b}}}'", f"{s} = ' '.join([{a}, {b}])", f"{s} += {a}",
            f"{s} = {a}.strip()", f"{s}, {a} = {a}, {s}", f"{s} = helper.join({a}, {b})",
            f"{s} = merged({a}, {b})", f"{s} = g({a}, {b})", f"{v}.append({s})",
            f"{v} = [{a}, {b}]", f"{v} = [x + {a} for x in {m}[:3]]", f"{v} = ({v} + {m})[:5]",
            f"{v}[0] = {s}", f"{s} = {v}[0]", f"{s} = {v}[-1]", f"{s} = ''.join({v})",
            f"{v}.extend([{a}, {b}])", f"d0['{k}'] = {s}", f"{s} = d0['{k}']",
            f"d0 = {{'a': {a}, 'b': {b}}}", f"d0.update({k}={s})", f"{s} = ''.join(d0.values())",
            f"d0['{k}'] = d0['{j}'] + {s}", f"t0 = ({a}, {b})", f"{a}, {b} = t0 if {a!r} != {b!r} else (t0[0], t0[1])",
            f"b0 = lab.Box({s})", f"b0.v = {s}", f"{s} = b0.v", f"b0.add({s})",
            f"q0 = lab.Pair({a}, {b})", f"{s} = q0.one", f"q0.two = {s}", f"{s} = q0.two",
            f"{s} = (lambda p: p + {a})({b})", f"{s} = max([{a}, {b}], key=len) + {a} + {b}",
            f"{v} = list(map(lambda p: p + {s}, {m}[:3]))", f"{v} = list(helper.each(['{self.source()}', '{self.source()}']))",
            f"{v} = [open(n).read() for n in ('{self.source()}', '{self.source()}')]",
            f"{v} = sorted({m})", f"{s} = {a} if len({b}) > 3 else {s}",
        ])]  # fmt: skip

    def traced(self, _: int) -> list[str]:
        s, a, b, v, k = self.text(), self.text(), self.text(), self.a_list(), self.key()
        c = self.text()
        return [self.random.choice([
            f"{s} = lab.load('{self.source()}')", f"{v} = lab.loaded('{self.source()}')",
            f"{s} = lab.combine([{a}, {b}])", f"{s} = lab.combine(({a}, {b}, {c}))",
            f"{s} = lab.combine({v})", f"{s} = lab.of_dict(d0)", f"{s} = lab.of_dict({{'x': {a}, 'y': {b}}})",
            f"b0 = lab.boxed({s})", f"{s} = lab.of_box(b0)", f"q0 = lab.paired({a}, {b})",
            f"{s} = lab.of_pair(q0)", f"{v} = lab.listed({s})", f"t0 = lab.tupled({a}, {b})",
            f"s0, s1 = lab.tupled({a}, {b})", f"d0 = lab.keyed({a}, {b})", f"lab.change(b0, {s})",
            f"lab.push({v}, {s})", f"{s} = lab.outer('{self.source()}')", f"{v} = list(lab.stream({s}))",
            f"{s} = lab.Model('{self.source()}').apply({a})", f"{s} = g({a}, {b})",
            f"{s} = lab.of_box(lab.boxed({a} + {b}))", f"{s} = lab.combine(lab.listed({a}))",
            f"{s} = lab.combine([lab.load('{self.source()}'), lab.load('{self.source()}')])",
            f"d0['{k}'] = lab.combine([d0['{k}'], {a}])", f"{s} = lab.combine([x + 'x' for x in {v}[:4]])",
        ])]  # fmt: skip

    def files(self, _: int) -> list[str]:
        source = self.source()
        kind = self.random.choice(
            "convert gather split product copy move copyfile model work helper".split()
        )
        if kind == "convert":
            return [f"lab.convert('{source}', '{self.other(source)}')"]
        if kind == "gather":
            return [f"lab.gather(['{source}', '{self.source()}'], '{self.target(new=True)}')"]
        if kind == "split":
            return [f"lab.split('{source}', '{self.target(new=True)}', '{self.target(new=True)}')"]
        if kind == "product":
            return [f"lab.product('{source}', '{self.source()}', '{self.target(new=True)}')"]
        if kind in ("copy", "copyfile"):
            return [f"shutil.{kind}('{source}', '{self.target('copy', new=True)}')"]
        if kind == "move":
            self.number += 1
            part, text = f"part{self.number}.tmp", self.text()
            return [f"with open('{part}', 'w') as h:", f"    h.write({text} + ' moved')", f"os.replace('{part}', '{self.target('moved')}')"]  # fmt: skip
        if kind == "model":
            return [f"m = lab.Model('{source}')", f"m.store('{self.other(source)}')"]
        if kind == "work":
            return [f"work('{source}', '{self.other(source)}')"]
        return [f"helper.write('{self.other(source)}', helper.read('{source}'))"]

    def other(self, source: str) -> str:
        target = source
        while target == source:
            target = self.target()
        return target

    def handed(self, _: int) -> list[str]:
        s, a, v = self.text(), self.text(), self.a_list()
        one, two = self.source(), self.source()
        # What is handed to another process by value is known of recorded calls alone.
        ways = "step code filter thread threads pool process".split()
        ways += ["submit", "map"] if "load" in self.programs.traced else []
        ways += ["combine", "spawn"] if "combine" in self.programs.traced else []
        ways += ["box"] if "boxed" in self.programs.traced else []
        kind = self.random.choice(ways)
        if kind == "step":
            return [f"subprocess.run([sys.executable, 'step.py', '{one}', '{self.other(one)}'], check=True)"]  # fmt: skip
        if kind == "code":
            target = self.other(one)
            code = f"open('{target}', 'w').write(open('{one}').read() + ' <{target}>')"
            return [f"subprocess.run([sys.executable, '-c', {code!r}], check=True)"]
        if kind == "filter":
            target = self.other(one)
            return [f"with open('{one}') as i, open('{target}', 'w') as o:", f"    subprocess.run([sys.executable, 'filter.py', '{target}'], stdin=i, stdout=o, check=True)"]  # fmt: skip
        if kind == "thread":
            function = self.random.choice(["lab.convert", "work"])
            return [f"th = threading.Thread(target={function}, args=('{one}', '{self.other(one)}'))", "th.start()", "th.join()"]  # fmt: skip
        if kind == "threads":
            return ["with ThreadPoolExecutor(2) as pool:", f"    {v} = list(pool.map(lab.load, ['{one}', '{two}']))"]  # fmt: skip
        if kind == "submit":
            return ["with ProcessPoolExecutor(1) as pool:", f"    {s} = pool.submit(lab.load, '{one}').result()"]  # fmt: skip
        if kind == "map":
            return ["with ProcessPoolExecutor(2) as pool:", f"    {v} = list(pool.map(lab.load, ['{one}', '{two}']))"]  # fmt: skip
        if kind == "combine":
            return ["with ProcessPoolExecutor(1) as pool:", f"    {s} = pool.submit(lab.combine, [{s}, {a}]).result()"]  # fmt: skip
        if kind == "box":
            return ["with ProcessPoolExecutor(1) as pool:", f"    b0 = pool.submit(lab.boxed, {a}).result()"]  # fmt: skip
        if kind == "pool":
            return ["with multiprocessing.Pool(1) as pool:", f"    pool.starmap(lab.convert, [('{one}', '{self.other(one)}')])"]  # fmt: skip
        if kind == "spawn":
            return ["with multiprocessing.Pool(1) as pool:", f"    {s} = pool.apply(lab.combine, ([{s}, {a}],))"]  # fmt: skip
        return [f"pr = multiprocessing.Process(target=lab.convert, args=('{one}', '{self.other(one)}'))", "pr.start()", "pr.join()"]  # fmt: skip

    def block(self, depth: int) -> list[str]:
        kind = self.random.choice(["if", "else", "for", "rounds", "files", "try", "while"])
        s, a, v = self.text(), self.text(), self.a_list()
        if kind == "files":
            some = [self.target(new=True) for _ in range(3)]
            names = self.random.sample(INPUTS, 3)
            read = self.random.choice(["open(n).read()", "lab.load(n)", "helper.read(n)"])
            plain = "open(o, 'w').write(x + ' <' + o + '>')"
            write = self.random.choice([plain, "lab.save(x, o)", "helper.write(o, x)"])
            return [f"for n, o in zip({names}, {some}):", f"    x = {read}", f"    {write}"]
        if kind == "rounds":
            target = self.target(new=True)
            return [f"with open('{target}', 'w') as h:", f"    for x in {v}:", "        h.write(x)", f"    h.write(' <{target}>')"]  # fmt: skip
        body = [
            line for _ in range(self.random.randint(1, 3)) for line in self.statement(depth - 1)
        ]
        if kind == "if":
            return [f"if len({s}) > 2:", *indented(body)]
        if kind == "else":
            return [f"if len({s}) < 2:", f"    {a} = {s}", "else:", *indented(body)]
        if kind == "for":
            return [f"for _ in range({self.random.randint(1, 2)}):", *indented(body)]
        if kind == "try":
            return ["try:", *indented([*body, "open('none.txt')"]), "except FileNotFoundError:", f"    {s} = {s} + {a}"]  # fmt: skip
        self.number += 1
        i = f"i{self.number}"
        return [f"{i} = 0", f"while {i} < 2:", *indented([*body, f"{i} += 1"])]


def indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def generate(seed: int) -> Programs:
    return Generator(seed).programs_of()


def named_in(text: str) -> set[str]:
    """The files that a text came from."""
    return set(re.findall(r"<([a-z]+\d+\.txt)>", text))
