"""Values and names as Python source."""

import ast
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_automl.source.literals import identifier, literal

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters())
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(SCALARS, inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_python_reads_back_an_equal_value(value: object) -> None:
    code = literal(value)
    assert ast.literal_eval(code) == value
    assert repr(ast.literal_eval(code)) == repr(value)


@given(VALUES)
def test_a_literal_is_one_printable_line(value: object) -> None:
    assert literal(value).isprintable()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("sepal length", '"sepal length"'),
        ("it's", '"it\'s"'),
        ('say "hi"', "'say \"hi\"'"),
        ("a\nb\\c", '"a\\nb\\\\c"'),
        ("\u2028\u202e", '"\\u2028\\u202e"'),
        ("größe 漢字", '"größe 漢字"'),
        ("", '""'),
        (("a",), '("a",)'),
        ([], "[]"),
        ({0: "x"}, '{0: "x"}'),
        (np.float64(0.1), "0.1"),
        (np.float32(0.5), "0.5"),
        (np.int64(3), "3"),
        (np.bool_(True), "True"),
        (np.str_("a"), '"a"'),
        (np.array(7), "7"),
        (math.inf, 'float("inf")'),
        (-math.inf, 'float("-inf")'),
        (math.nan, 'float("nan")'),
    ],
)
def test_literal_looks_written_by_hand(value: object, code: str) -> None:
    assert literal(value) == code


@pytest.mark.parametrize("value", [b"a", {1}, object(), np.arange(2), 1j])
def test_a_value_without_literal_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"Expected str.*got .*Convert it first"):
        literal(value)


@given(st.text())
def test_an_identifier_is_always_a_constant_name(text: str) -> None:
    name = identifier(text)
    assert name.isidentifier()
    assert name.isascii()
    assert name == name.upper()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("val accuracy", "VAL_ACCURACY"),
        ("conv_block_1/kernel-size", "CONV_BLOCK_1_KERNEL_SIZE"),
        ("größe", "GROSSE"),
        ("2019", "VALUE_2019"),
        ("漢字", "VALUE"),
        ("", "VALUE"),
    ],
)
def test_identifier(text: str, name: str) -> None:
    assert identifier(text) == name
