"""What the report concludes from its tables on Boston Housing, as contrasts between their rows.

Rows are counted from 0 in the order of `studies/fcnn/sweeps.py`; the figures are errors, so lower is better. Where the
report gives a cause ("because it overfits"), the cause is a claim of its own: the effect may be there without it.
"""

from hpo.study import Claim, Contrast

__all__ = ["CLAIMS"]

CLAIMS = (
    Claim(
        id="layers-fit",
        text="More hidden layers lower the error on the training rows.",
        source="B.1",
        contrasts=(
            Contrast(sweep="layers", figure="train", rows=(1, 2), relation="lower", than=(0,)),
            Contrast(sweep="layers", figure="train", rows=(3, 4, 5), relation="lower", than=(1, 2)),
        ),
    ),
    Claim(
        id="layers-hurt",
        text="More than four hidden layers raise the error on the test rows.",
        source="B.1",
        contrasts=(Contrast(sweep="layers", figure="test", rows=(4, 5), relation="higher", than=(3,)),),
    ),
    Claim(
        id="layers-overfit",
        text="Beyond four hidden layers the error on the test rows rises because the more complex network overfits.",
        source="B.1",
        contrasts=(Contrast(sweep="layers", figure="gap", rows=(4, 5), relation="higher", than=(3,)),),
    ),
    Claim(
        id="epochs-overfit",
        text="Too many epochs can make the network overfit.",
        source="B.1",  # every table has the same number of epochs
    ),
    Claim(
        id="hidden-units-fit",
        text="The more hidden units in each layer, the lower the error on the training rows.",
        source="B.2",
        contrasts=(
            Contrast(sweep="hidden-units", figure="train", rows=(1, 2), relation="lower", than=(0,)),
            Contrast(sweep="hidden-units", figure="train", rows=(3, 4), relation="lower", than=(1, 2)),
            Contrast(sweep="hidden-units", figure="train", rows=(5, 6), relation="lower", than=(3, 4)),
        ),
    ),
    Claim(
        id="hidden-units-hurt",
        text="From 128 to 256 hidden units the error on the test rows rises.",
        source="B.2",
        contrasts=(Contrast(sweep="hidden-units", figure="test", rows=(6,), relation="higher", than=(5,)),),
    ),
    Claim(
        id="hidden-units-overfit",
        text="Beyond 128 hidden units the error on the test rows rises because the more complex network overfits.",
        source="B.2",
        contrasts=(Contrast(sweep="hidden-units", figure="gap", rows=(6,), relation="higher", than=(5,)),),
    ),
    Claim(
        id="relu-fast",
        text="A network of ReLU and linear units trains faster than one of other activations.",
        source="B.3",  # the report gives no times in this table
        contrasts=Contrast.each(sweep="activation", figure="seconds", rows=(1, 2, 3), relation="higher", than=(0,)),
    ),
    Claim(
        id="relu-fits",
        text="ReLU, with a linear or a ReLU output, has a lower error on the training rows than other activations.",
        source="B.3",
        contrasts=Contrast.each(
            sweep="activation", figure="train", rows=(1, 2, 3, 4, 5), relation="higher", than=(0, 6)
        ),
    ),
    Claim(
        id="relu-best",
        text="ReLU, with a linear or a ReLU output, has a lower error on the test rows than other activations.",
        source="B.3",
        contrasts=Contrast.each(
            sweep="activation", figure="test", rows=(1, 2, 3, 4, 5), relation="higher", than=(0, 6)
        ),
    ),
    Claim(
        id="relu-gradient",
        text="ReLU avoids vanishing gradients.",
        source="B.3",  # section C says it again; the tables hold scores, and no gradients
    ),
    Claim(
        id="adam-fits",
        text="After 200 epochs Adam has the lowest error on the training rows: it needs the fewest steps.",
        source="B.4",
        contrasts=Contrast.each(sweep="optimizer", figure="train", rows=(1, 2, 3, 4), relation="higher", than=(0,)),
    ),
    Claim(
        id="adam-best",
        text="After 200 epochs Adam has the lowest error on the test rows.",
        source="B.4",
        contrasts=Contrast.each(sweep="optimizer", figure="test", rows=(1, 2, 3, 4), relation="higher", than=(0,)),
    ),
    Claim(
        id="loss-alike",
        text="The loss function has little influence on the error.",
        source="B.5",
        contrasts=Contrast.each(sweep="loss", figure="test", rows=(1, 2, 3, 4, 5), relation="alike", than=(0,)),
    ),
    Claim(
        id="dropout-generalizes",
        text="With dropout the error on test rows comes close to that on training rows.",
        source="B.6",
        contrasts=Contrast.each(sweep="dropout", figure="gap", rows=(1, 2, 3, 4), relation="lower", than=(0,)),
    ),
    Claim(
        id="dropout-hurts",
        text="Without dropout the error on the test rows is lowest.",
        source="B.6",
        contrasts=Contrast.each(sweep="dropout", figure="test", rows=(1, 2, 3, 4), relation="higher", than=(0,)),
    ),
    Claim(
        id="tuning-matters",
        text="What an architecture can reach depends on its hyperparameters, so exploring them matters.",
        source="C",
        contrasts=(
            Contrast(sweep="layers", figure="test", rows=(3,), relation="lower", than=(0,)),
            Contrast(sweep="hidden-units", figure="test", rows=(5,), relation="lower", than=(0,)),
        ),
    ),
    Claim(
        id="complex-overfits",
        text="The more complex the system, in layers and in units, the more easily it overfits.",
        source="C",
        contrasts=(
            Contrast(sweep="layers", figure="gap", rows=(3, 4, 5), relation="higher", than=(0, 1, 2)),
            Contrast(sweep="hidden-units", figure="gap", rows=(4, 5, 6), relation="higher", than=(0, 1, 2)),
        ),
    ),
    Claim(
        id="simple-underfits",
        text="A system that is not complex enough underfits.",
        source="C",
        contrasts=(
            Contrast(sweep="layers", figure="train", rows=(0,), relation="higher", than=(3,)),
            Contrast(sweep="layers", figure="test", rows=(0,), relation="higher", than=(3,)),
            Contrast(sweep="hidden-units", figure="train", rows=(0,), relation="higher", than=(5,)),
            Contrast(sweep="hidden-units", figure="test", rows=(0,), relation="higher", than=(5,)),
        ),
    ),
    Claim(
        id="optimizer-sets-pace",
        text="The optimizer sets the pace of training: a faster one needs fewer epochs.",
        source="C",
        contrasts=Contrast.each(sweep="optimizer", figure="train", rows=(1, 2), relation="higher", than=(0,)),
    ),
    Claim(
        id="precision-helps",
        text="Minimizing the loss more precisely can raise the performance.",
        source="C",
        contrasts=(
            *Contrast.each(sweep="optimizer", figure="train", rows=(1, 2), relation="higher", than=(0,)),
            *Contrast.each(sweep="optimizer", figure="test", rows=(1, 2), relation="higher", than=(0,)),
        ),
    ),
    Claim(
        id="output-activation",
        text="Some output activations serve only one kind of problem: a sigmoid ends at 1 and cannot predict prices.",
        source="C",  # no table has a sigmoid output
    ),
    Claim(
        id="regularization-generalizes",
        text="Regularization can improve generalization.",
        source="C",
        contrasts=(Contrast(sweep="dropout", figure="gap", rows=(1, 2, 3, 4), relation="lower", than=(0,)),),
    ),
    Claim(
        id="regularization-costs",
        text="Regularization can lower the performance of the same architecture in the same epochs.",
        source="C",
        contrasts=(Contrast(sweep="dropout", figure="test", rows=(1, 2, 3, 4), relation="higher", than=(0,)),),
    ),
)
