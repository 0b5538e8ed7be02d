"""The parameters of an image classifier and its landscape, each declared once: for one run and for a sweep's."""

from __future__ import annotations

from collections.abc import Mapping

from cgro_theory.parameter import POSITIVE, Parameter

LANDSCAPE: Mapping[str, Parameter] = {
    each.name: each
    for each in (
        Parameter("data", "word", "digits", words=("digits", "mnist", "cifar10"), help="data set"),
        Parameter("train_size", "integer", 500, 2, 10**6, help="training images"),
        Parameter("radius", "number", 0.2, 0.0, 1.0, symbol="ε0", help="l∞ radius of training, pixels in [0, 1]"),
        Parameter("architecture", "word", "lenet", words=("lenet", "resnet"), help="network"),
        Parameter("width", "integer", 32, 1, 4096, help="channels of the first layer"),
        Parameter("epochs", "integer", 150, 1, 10**6, help="passes over the training images"),
        Parameter("batch_size", "integer", 100, 1, 10**6, help="images per step"),
        Parameter("learning_rate", "number", 0.06, POSITIVE, help="peak of the cyclic rate of Adam"),
        Parameter("cycles", "integer", 1, 1, 10**6, help="cycles of the learning rate"),
        Parameter("attack_steps", "integer", 5, 1, 10**4, help="PGD steps in training"),
        Parameter("measure_steps", "integer", 5, 1, 10**4, help="steps of a measuring ascent; twice at the end"),
        Parameter("recorded_epochs", "integer", 10, 1, 10**4, help="how many epochs to measure after"),
    )
}
TEST_SIZE = Parameter("test_size", "integer", 500, 1, 10**6, help="test images")
RESTARTS = Parameter("restarts", "integer", 1, 1, 100, help="PGD starts in training")
