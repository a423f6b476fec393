"""What the report concludes from its tables on Fashion-MNIST, as contrasts between their rows.

Rows are counted from 0 in the order of `studies/cnn/sweeps.py`. Where the report gives a cause ("because it overfits"),
the cause is a claim of its own: the effect may be there without it.
"""

from hpo.study import Claim, Contrast

__all__ = ["CLAIMS"]

CLAIMS = (
    Claim(
        id="layers-hurt",
        text="More than two convolutional layers lower the accuracy.",
        source="A.1",
        contrasts=(Contrast(sweep="layers", figure="test", rows=(2,), relation="lower", than=(0, 1)),),
    ),
    Claim(
        id="layers-overfit",
        text="Deeper stacks lose accuracy because the more complex network generalizes less.",
        source="A.1",
        contrasts=(Contrast(sweep="layers", figure="gap", rows=(2,), relation="higher", than=(0, 1)),),
    ),
    Claim(
        id="epochs-overfit",
        text="More epochs make the network overfit more, and do not rescue the deeper ones.",
        source="A.1",  # every table has the same number of epochs
    ),
    Claim(
        id="kernel-best",
        text="A kernel of 4x4 gives the highest accuracy.",
        source="A.2",
        contrasts=Contrast.each(sweep="kernel", figure="test", rows=(0, 1, 3, 4, 5), relation="lower", than=(2,)),
    ),
    Claim(
        id="kernel-alike",
        text="The kernel size makes no great difference.",
        source="A.2",
        contrasts=Contrast.each(sweep="kernel", figure="test", rows=(0, 1, 3, 4, 5), relation="alike", than=(2,)),
    ),
    Claim(
        id="filters-help",
        text="More filters raise the accuracy, up to 32.",
        source="A.3",
        contrasts=(
            Contrast(sweep="filters", figure="test", rows=(1, 2, 3), relation="higher", than=(0,)),
            Contrast(sweep="filters", figure="test", rows=(2, 3), relation="higher", than=(1,)),
            Contrast(sweep="filters", figure="test", rows=(3,), relation="higher", than=(2,)),
        ),
    ),
    Claim(
        id="filters-level-off",
        text="Beyond 32 filters the accuracy does not rise notably.",
        source="A.3",
        contrasts=Contrast.each(sweep="filters", figure="test", rows=(4, 5, 6), relation="alike", than=(3,)),
    ),
    Claim(
        id="filters-overfit",
        text="Many filters make the network more prone to overfitting.",
        source="A.3",
        contrasts=(Contrast(sweep="filters", figure="gap", rows=(4, 5, 6), relation="higher", than=(0, 1, 2)),),
    ),
    Claim(
        id="hidden-units-help",
        text="More hidden units raise the accuracy on training and test rows, up to 128 on the test rows.",
        source="A.4",
        contrasts=(
            Contrast(sweep="hidden-units", figure="train", rows=(3, 4), relation="higher", than=(0, 1)),
            Contrast(sweep="hidden-units", figure="test", rows=(2,), relation="higher", than=(0, 1)),
        ),
    ),
    Claim(
        id="hidden-units-hurt",
        text="Beyond 128 hidden units the accuracy on test rows falls.",
        source="A.4",
        contrasts=(Contrast(sweep="hidden-units", figure="test", rows=(3, 4), relation="lower", than=(2,)),),
    ),
    Claim(
        id="hidden-units-overfit",
        text="Beyond 128 hidden units the accuracy falls because a more complex network is prone to overfitting.",
        source="A.4",
        contrasts=(Contrast(sweep="hidden-units", figure="gap", rows=(3, 4), relation="higher", than=(2,)),),
    ),
    Claim(
        id="optimizers-alike",
        text="After 10 epochs RMSprop, Adamax and Nadam do not differ notably from Adam.",
        source="A.5",
        contrasts=Contrast.each(sweep="optimizer", figure="test", rows=(1, 3, 4), relation="alike", than=(0,)),
    ),
    Claim(
        id="optimizers-behind",
        text="After 10 epochs plain gradient descent, Adagrad and Adadelta are behind.",
        source="A.5",
        contrasts=Contrast.each(sweep="optimizer", figure="test", rows=(2, 5, 6), relation="lower", than=(0,)),
    ),
    Claim(
        id="adadelta-rate",
        text="Adadelta is behind because its default learning rate is lower than what is usual for it.",
        source="A.5",  # the table has no other rate of Adadelta
    ),
    Claim(
        id="rate-low",
        text="Adam needs a low learning rate: its default of 0.001 is best.",
        source="A.6",
        contrasts=Contrast.each(sweep="learning-rate", figure="test", rows=(1, 2), relation="lower", than=(0,)),
    ),
    Claim(
        id="rate-high-misses",
        text="A high learning rate takes steps too large to find the minimum of the loss.",
        source="A.6",
        contrasts=Contrast.each(sweep="learning-rate", figure="train", rows=(1, 2), relation="lower", than=(0,)),
    ),
    Claim(
        id="schedule-helps",
        text="The right schedule, a decay by 0.9 every 1,000 steps, raises the accuracy.",
        source="A.6",
        # The table has no constant rate; its slowest decay takes a fifth off it in 10 epochs and stands for one.
        contrasts=(Contrast(sweep="schedule", figure="test", rows=(1,), relation="higher", than=(0,)),),
    ),
    Claim(
        id="decay-hurts",
        text="A decay too fast or too strong does not reach the optimum in the same epochs.",
        source="A.6",
        contrasts=(
            *Contrast.each(sweep="schedule", figure="train", rows=(2, 3), relation="lower", than=(1,)),
            *Contrast.each(sweep="schedule", figure="test", rows=(2, 3), relation="lower", than=(1,)),
        ),
    ),
    Claim(
        id="loss-alike",
        text="The loss function makes no notable difference.",
        source="A.7",
        contrasts=Contrast.each(sweep="loss", figure="test", rows=(1, 2), relation="alike", than=(0,)),
    ),
    Claim(
        id="loss-optimized",
        text="The loss function matters little because the optimizer minimizes each of them well.",
        source="A.7",
        contrasts=Contrast.each(sweep="loss", figure="train", rows=(1, 2), relation="alike", than=(0,)),
    ),
    Claim(
        id="tuning-matters",
        text="What an architecture can reach depends on its hyperparameters, so exploring them matters.",
        source="C",
        contrasts=(
            Contrast(sweep="filters", figure="test", rows=(3,), relation="higher", than=(0,)),
            Contrast(sweep="optimizer", figure="test", rows=(0,), relation="higher", than=(5,)),
            Contrast(sweep="learning-rate", figure="test", rows=(0,), relation="higher", than=(2,)),
        ),
    ),
    Claim(
        id="filters-are-features",
        text="The kernel size sets the size of the features that are extracted, the number of filters how many kinds.",
        source="C",  # of what the network computes inside, which no score shows
    ),
    Claim(
        id="complex-overfits",
        text="The more complex the system, in layers and in units, the more easily it overfits.",
        source="C",
        contrasts=(
            Contrast(sweep="layers", figure="gap", rows=(2,), relation="higher", than=(0,)),
            Contrast(sweep="filters", figure="gap", rows=(4, 5, 6), relation="higher", than=(0, 1, 2)),
            Contrast(sweep="hidden-units", figure="gap", rows=(3, 4), relation="higher", than=(0, 1)),
        ),
    ),
    Claim(
        id="simple-underfits",
        text="A system that is not complex enough underfits.",
        source="C",
        contrasts=(
            Contrast(sweep="filters", figure="train", rows=(0,), relation="lower", than=(3,)),
            Contrast(sweep="filters", figure="test", rows=(0,), relation="lower", than=(3,)),
            Contrast(sweep="hidden-units", figure="train", rows=(0,), relation="lower", than=(2,)),
            Contrast(sweep="hidden-units", figure="test", rows=(0,), relation="lower", than=(2,)),
        ),
    ),
    Claim(
        id="optimizer-sets-pace",
        text="The optimizer sets the pace of training: a faster one needs fewer epochs.",
        source="C",
        contrasts=Contrast.each(sweep="optimizer", figure="train", rows=(2, 5, 6), relation="lower", than=(0,)),
    ),
    Claim(
        id="precision-helps",
        text="Minimizing the loss more precisely can raise the performance.",
        source="C",
        contrasts=(
            Contrast(sweep="optimizer", figure="train", rows=(0, 1, 3, 4), relation="higher", than=(2, 5, 6)),
            Contrast(sweep="optimizer", figure="test", rows=(0, 1, 3, 4), relation="higher", than=(2, 5, 6)),
        ),
    ),
)
