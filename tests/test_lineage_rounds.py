"""Files that several rounds of a loop write, and figures that are drawn again in each round."""

from __future__ import annotations

import pytest
from conftest import ROOT
from test_lineage_programs import asked, lab, reached, run

from provagent.reading.store.lineage import impact, why

__all__ = ["lab"]

WRITERS = {
    "opened in the first round": (
        "out = None\nfor name in 'ab':\n    text = open(name + '.txt').read()\n"
        "    if out is None: out = open('out.txt', 'w')\n    out.write(text)\nout.close()\n",
        {"out.txt": "ab"},
    ),
    "opened by a function": (
        "out = None\ndef write(text):\n    global out\n    out = out or open('out.txt', 'w')\n"
        "    out.write(text)\nfor name in 'ab': write(open(name + '.txt').read())\nout.close()\n",
        {"out.txt": "ab"},
    ),
    "read for the next round": (
        "text = open('a.txt').read()\nfor name, following in (('a', 'b.txt'), ('b', None)):\n"
        "    open(name + '.out', 'w').write(text)\n"
        "    if following: text = open(following).read()\n",
        {"b.out": "b"},
    ),
    "generators side by side": (
        "def rows(path):\n    for line in open(path): yield line\n"
        "x, y = rows('a.txt'), rows('b.txt')\n"
        "with open('x.out', 'w') as f, open('y.out', 'w') as g:\n"
        "    for p, q in zip(x, y): f.write(p); g.write(q)\n",
        {"x.out": "a", "y.out": "b"},
    ),
    "sorted": (
        "texts = [(2, open('a.txt').read()), (1, open('b.txt').read())]\ntexts.sort()\n"
        "open('small.out', 'w').write(texts[0][1])\nopen('large.out', 'w').write(texts[1][1])\n",
        {"small.out": "b", "large.out": "a"},
    ),
}


@pytest.mark.parametrize("how", WRITERS)
def test_no_round_is_left_out_and_none_is_certain_without_being_true(lab, how):
    script, truth = WRITERS[how]
    run(lab, script, "")
    for product, inputs in truth.items():
        found = reached(asked(lab, why, product))
        assert {f"{one}.txt" for one in inputs} <= {one.rstrip("?") for one in found}
        assert {one for one in found if not one.endswith("?")} <= {f"{one}.txt" for one in inputs}


FIGURES = {
    "cleared": (
        "for n in 'ab':\n    plt.plot(np.loadtxt(n + '.txt'))\n    plt.savefig(n + '.png')\n"
        "    plt.clf()\n",
        {"a.png": ("a.txt", {"a.txt"})},
    ),
    "pages": (
        "with PdfPages('o.pdf') as pdf:\n    for n in 'ab':\n        fig, ax = plt.subplots()\n"
        "        ax.plot(np.loadtxt(n + '.txt'))\n        pdf.savefig(fig); plt.close(fig)\n",
        {"o.pdf": ("a.txt b.txt", {"a.txt", "b.txt"})},
    ),
    "artist": (
        "A, B = np.loadtxt('a.txt'), np.loadtxt('b.txt')\nfig, ax = plt.subplots()\n"
        "line, = ax.plot(A)\nfig.savefig('a.png')\nline.set_ydata(B)\nfig.savefig('b.png')\n",
        {"a.png": ("a.txt", {"a.txt"}), "b.png": ("b.txt", {"a.txt?", "b.txt"})},
    ),
    "axes cleared": (
        "A, B = np.loadtxt('a.txt'), np.loadtxt('b.txt')\nfig, ax = plt.subplots()\n"
        "ax.plot(A)\nfig.savefig('a.png')\nax.cla(); ax.plot(B)\nfig.savefig('b.png')\n",
        {"a.png": ("a.txt", {"a.txt"}), "b.png": ("b.txt", {"a.txt?", "b.txt"})},
    ),
    "image": (
        "A, B = np.loadtxt('a.txt'), np.loadtxt('b.txt')\nfig, ax = plt.subplots()\n"
        "image = ax.imshow([A])\nfig.savefig('a.png')\nimage.set_data([B])\nfig.savefig('b.png')\n",
        {"a.png": ("a.txt", {"a.txt"}), "b.png": ("b.txt", {"a.txt?", "b.txt"})},
    ),
}


@pytest.mark.parametrize("how", FIGURES)
def test_a_figure_has_what_was_drawn_until_it_was_saved(lab, how):
    """It is one object, identified by object identity only, whose states are not seen."""
    for name, numbers in (("a.txt", "1 2 3"), ("b.txt", "3 1 2")):
        lab.write(name, numbers)
    script, truth = FIGURES[how]
    run(
        lab,
        "import matplotlib; matplotlib.use('Agg')\nimport matplotlib.pyplot as plt\n"
        f"import numpy as np\nfrom matplotlib.backends.backend_pdf import PdfPages\n{script}",
        "",
    )
    for product, (inputs, possible) in truth.items():
        found = reached(asked(lab, why, product))
        assert {*inputs.split()} <= {one.rstrip("?") for one in found}
        assert {one.rstrip("?") for one in found} <= {one.rstrip("?") for one in possible}
        assert {one for one in found if not one.endswith("?")} <= possible


# What two arrays are made of by the end: inputs that are certain, and those that may be told.
REFILLED = {
    "a[:] = b": ("b", "ab"),
    "np.copyto(a, b)": ("b", "ab"),
    "np.add(b, 1, out=a)": ("b", "ab"),
    "a[...] = np.sort(b)": ("b", "ab"),
    "np.add(a, b, out=a, where=a > 2)": ("ab", "ab"),
    "a[:] = 0": ("", "a"),
    "a += b": ("ab", "ab"),
    "a[0] = b[0]": ("ab", "ab"),
    "a *= 2": ("a", "a"),
    "a.sort()": ("a", "a"),
    "np.multiply(a, b, out=a)": ("ab", "ab"),
    "for one in (b, b + 1): a[:] = one": ("b", "ab"),
}


@pytest.mark.parametrize("change", REFILLED)
def test_an_array_that_was_filled_anew_has_its_former_values_perhaps_at_most(lab, change):
    for name, numbers in (("a.txt", "3 1 2"), ("b.txt", "6 7 5")):
        lab.write(name, numbers)
    script = (
        "import numpy as np\na = np.loadtxt('a.txt')\nb = np.loadtxt('b.txt')\n"
        f"np.savetxt('before.out', a)\n{change}\nnp.savetxt('out.out', a)\n"
    )
    run(lab, script, "", f"--definition={ROOT / 'definitions/numpy.yaml'}")
    certain, possible = REFILLED[change]
    found = reached(asked(lab, why, "out.out"))
    assert {f"{one}.txt" for one in certain} <= {one.rstrip("?") for one in found}
    assert {one[0] for one in found} <= set(possible)
    assert {one for one in found if not one.endswith("?")} <= {f"{one}.txt" for one in certain}
    assert reached(asked(lab, why, "before.out")) == {"a.txt"}


def test_a_buffer_of_several_rounds_holds_the_last(lab):
    """The first answer stays certain as well, forth and back."""
    script = (
        "import numpy as np\nbuffer = np.zeros(2)\nfor name in 'ab':\n"
        "    buffer[:] = np.loadtxt(name + '.txt')\n    np.savetxt(name + '.out', buffer)\n"
    )
    run(lab, script, "", f"--definition={ROOT / 'definitions/numpy.yaml'}")
    assert reached(asked(lab, why, "a.out")) == {"a.txt"}
    assert reached(asked(lab, why, "b.out")) - {"a.txt?"} == {"b.txt"}
    assert reached(asked(lab, impact, "a.txt"), is_back=False) - {"b.out?"} == {"a.out"}
