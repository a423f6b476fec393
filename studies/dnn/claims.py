"""What the chapter concludes of its techniques, as contrasts between the rows of the tables.

The chapter prints no figures, so its sentences are all there is to hold against. Rows are counted from 0 in the order
of `studies/dnn/sweeps.py`. "Faster" is told by the score after the same number of epochs. What it says of regularizing
is told by the gap between train and test.
"""

from hpo.study import Claim, Contrast

__all__ = ["CLAIMS"]

CLAIMS = (
    Claim(
        id="naive-initialization",
        text="Weights drawn with variance 1, whatever the layer's width, train a deep network worse than Glorot's and "
        "He's.",
        source="1.1",
        contrasts=(
            *Contrast.each(
                sweep="initializer-guideline-20", figure="test", rows=(1, 2, 3, 4, 5), relation="higher", than=(0,)
            ),
            # Batch normalization forgives much there, so without it: Glorot with sigmoid, He with ReLU.
            *(
                Contrast(sweep="gradients-20", figure="test", rows=(scaled,), relation="higher", than=(naive,))
                for scaled, naive in ((1, 0), (6, 3))
            ),
        ),
    ),
    Claim(
        id="he-for-rectifiers",
        text="He's initializer suits ELU better than Glorot's does.",
        source="1.2",
        contrasts=(
            Contrast(sweep="initializer-guideline-20", figure="test", rows=(3, 4), relation="higher", than=(1, 2)),
        ),
    ),
    Claim(
        id="saturation",
        text="In a deep network the activations that do not saturate do better than sigmoid and tanh.",
        source="1.3",
        contrasts=(
            Contrast(
                sweep="activation-guideline-20", figure="test", rows=(2, 3, 4, 5, 6), relation="higher", than=(0, 1)
            ),
            Contrast(sweep="gradients-20", figure="test", rows=(6, 7), relation="higher", than=(0, 1)),
        ),
    ),
    Claim(
        id="elu-beats-relu",
        text="ELU does better than ReLU and its leaky and parametric variants.",
        source="1.3",
        contrasts=tuple(
            Contrast(
                sweep=f"activation-guideline-{layers}", figure="test", rows=(6,), relation="higher", than=(2, 3, 4, 5)
            )
            for layers in (4, 20)
        ),
    ),
    Claim(
        id="leaky-beats-relu",
        text="Leaky ReLU always does better than ReLU.",
        source="1.3",
        contrasts=tuple(
            contrast
            for layers in (4, 20)
            for contrast in Contrast.each(
                sweep=f"activation-guideline-{layers}", figure="test", rows=(3, 4), relation="higher", than=(2,)
            )
        ),
    ),
    Claim(
        id="selu-normalizes-itself",
        text="A deep dense network of SELU with LeCun's initializer does better than one of any other activation.",
        source="1.3",
        contrasts=Contrast.each(
            sweep="activation-self-normalizing-20",
            figure="test",
            rows=(0, 1, 2, 3, 4, 5, 6),
            relation="lower",
            than=(7,),
        ),
    ),
    Claim(
        id="batch-normalization-helps-depth",
        text="Batch normalization, before or after the activation, makes a deep network better.",
        source="1.4",
        contrasts=Contrast.each(
            sweep="batch-norm-guideline-20", figure="test", rows=(1, 2), relation="higher", than=(0,)
        ),
    ),
    Claim(
        id="batch-normalization-regularizes",
        text="Batch normalization acts as a regularizer: the gap between train and test is smaller.",
        source="1.4",
        contrasts=Contrast.each(sweep="batch-norm-guideline-4", figure="gap", rows=(1, 2), relation="lower", than=(0,)),
    ),
    Claim(
        id="batch-normalization-forgives-initialization",
        text="With batch normalization a deep network trains although its weights are drawn badly or its activation "
        "saturates.",
        source="1.4",
        contrasts=tuple(
            Contrast(sweep="gradients-20", figure="test", rows=(normalized,), relation="higher", than=(bare,))
            for normalized, bare in ((2, 1), (5, 3))
        ),
    ),
    Claim(
        id="clipping-stops-explosions",
        text="Gradient clipping lets a network train whose gradients explode.",
        source="1.5",
        contrasts=(Contrast(sweep="gradients-20", figure="test", rows=(4,), relation="higher", than=(3,)),),
    ),
    Claim(
        id="momentum-is-faster",
        text="Momentum and Nesterov's gradient get further than plain gradient descent in the same epochs.",
        source="3.1, 3.2",
        contrasts=tuple(
            contrast
            for layers in (4, 20)
            for contrast in Contrast.each(
                sweep=f"optimizer-guideline-{layers}", figure="test", rows=(1, 2), relation="higher", than=(0,)
            )
        ),
    ),
    Claim(
        id="nesterov-is-faster",
        text="Nesterov's gradient is almost always faster than momentum.",
        source="3.2",
        contrasts=tuple(
            Contrast(sweep=f"optimizer-guideline-{layers}", figure="test", rows=(2,), relation="higher", than=(1,))
            for layers in (4, 20)
        ),
    ),
    Claim(
        id="adagrad-stops-early",
        text="AdaGrad stops too early on a neural network: RMSprop, Adam and Nadam end higher.",
        source="3.3",
        contrasts=tuple(
            contrast
            for layers in (4, 20)
            for contrast in Contrast.each(
                sweep=f"optimizer-guideline-{layers}", figure="test", rows=(4, 5, 6), relation="higher", than=(3,)
            )
        ),
    ),
    Claim(
        id="nadam-beats-adam",
        text="Nadam often converges a little faster than Adam.",
        source="3.5",
        contrasts=tuple(
            Contrast(sweep=f"optimizer-guideline-{layers}", figure="test", rows=(6,), relation="higher", than=(5,))
            for layers in (4, 20)
        ),
    ),
    Claim(
        id="schedules-beat-constant",
        text="A rate that begins high and falls ends higher than a constant one.",
        source="3.6",
        contrasts=Contrast.each(
            sweep="schedule-guideline-4", figure="test", rows=(1, 2, 3, 5), relation="higher", than=(0,)
        ),
    ),
    Claim(
        id="penalties-regularize",
        text="L1 and L2 penalties narrow the gap between train and test.",
        source="4.1",
        contrasts=Contrast.each(
            sweep="penalty-guideline-4", figure="gap", rows=(1, 2, 3, 4, 5), relation="lower", than=(0,)
        ),
    ),
    Claim(
        id="dropout-regularizes",
        text="Dropout narrows the gap between train and test.",
        source="4.2",
        contrasts=Contrast.each(
            sweep="dropout-guideline-4", figure="gap", rows=(1, 2, 3, 4), relation="lower", than=(0,)
        ),
    ),
    Claim(
        id="max-norm-regularizes",
        text="Max-norm narrows the gap between train and test.",
        source="4.3",
        contrasts=(Contrast(sweep="max-norm-guideline-4", figure="gap", rows=(1,), relation="lower", than=(0,)),),
    ),
)
