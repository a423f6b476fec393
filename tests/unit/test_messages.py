"""What is said of an exception in one line: what is wrong, whatever stands around it. The errors are the real ones."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from hpo.messages import one_line, said


def labels_out_of_range() -> None:
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy")
    model.fit(np.zeros((8, 4)), np.full(8, 3), verbose=0)


def words_out_of_range() -> None:
    model = keras.Sequential([keras.layers.Embedding(3, 2), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile(loss="mse")
    model.fit(np.full((8, 4), 9), np.ones((8, 1)), verbose=0)


def rows_of_another_shape() -> None:
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])(np.zeros((2, 5)))


def a_layer_of_ones_own() -> None:
    class Own(keras.layers.Layer):
        def call(self, x: object) -> object:
            raise ValueError("the gate is shut\nand locked")

    keras.Sequential([keras.Input((4,)), Own()])


def a_function_of_ones_own() -> None:
    @tf.function
    def product(x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, tf.ones((5, 5)))

    product(tf.ones((3, 3)))


def a_check() -> None:
    @tf.function
    def check(x: tf.Tensor) -> tf.Tensor:
        tf.debugging.assert_less(x, 3.0, message="x is too large")
        return x

    check(tf.constant([5.0]))


def two_kinds_of_number() -> None:
    tf.constant(1) + tf.constant(1.0)


def a_lookup_that_never_learned() -> None:
    keras.Sequential([keras.Input((1,), dtype="string"), keras.layers.StringLookup()])(tf.constant([["a"]]))


@pytest.mark.parametrize(
    ("raises", "line"),
    [
        (labels_out_of_range, "Received a label value of 3 which is outside the valid range of [0, 3)."),
        (words_out_of_range, "indices[0,0] = 9 is not in [0, 3)"),
        (
            rows_of_another_shape,
            "Input 0 with name 'None' of layer 'dense' is incompatible with the layer: expected axis -1 of input shape "
            "to have value 4, but received input with shape (2, 5)",
        ),
        (a_layer_of_ones_own, "Error encountered: the gate is shut and locked"),
        (a_function_of_ones_own, "Dimensions must be equal, but are 3 and 5 for 'MatMul = MatMul["),
        (a_check, "assertion failed: [x is too large] [Condition x < y did not hold element-wise:]"),
        (
            two_kinds_of_number,
            "cannot compute AddV2 as input #1(zero-based) was expected to be a int32 tensor but is a float tensor",
        ),
        (a_lookup_that_never_learned, "Table not initialized."),
    ],
)
def test_the_line_of_a_tensorflow_or_keras_error_says_what_is_wrong(raises: Callable[[], None], line: str) -> None:
    keras.utils.clear_session()  # layers are numbered anew
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any type: the line is what counts
        raises()
    told = one_line(caught.value)
    name, text = told.split(": ", 1)
    assert name == type(caught.value).__name__
    assert line in text
    for clutter in ("\x1b", "\n", "Graph execution error", "Detected at", 'File "', "{{", "[Op:", "received by"):
        assert clutter not in told, clutter


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError("dropout"), "KeyError: 'dropout'"),
        (AssertionError(), "AssertionError"),
        (ValueError("one\nline\n\nmore of it"), "ValueError: one line"),
        (ValueError("Graph execution error:"), "ValueError: Graph execution error:"),
        (ModuleNotFoundError("No module named 'xyz'"), "ModuleNotFoundError: No module named 'xyz'"),
    ],
)
def test_the_line_of_any_other_error_is_its_first_paragraph(error: Exception, line: str) -> None:
    assert one_line(error) == line


def test_an_error_whose_text_fails_is_named_by_its_class() -> None:
    class Mute(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError("no words")

    assert (one_line(Mute()), said(Mute())) == ("Mute", "")


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Z", "C")), max_size=900))
def test_any_error_text_becomes_one_bounded_line(text: str) -> None:
    told = one_line(ValueError(text))
    assert len(told) <= 500
    assert len(told.splitlines()) == 1
    assert told.startswith("ValueError")
    assert (": " in told) or not text.split()
