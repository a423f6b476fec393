"""One configuration, typed."""

from dataclasses import dataclass

from hpo.study import Params, ParamValue, Space

__all__ = ["TransferParams", "written"]


@dataclass(frozen=True, kw_only=True)
class TransferParams:
    """One configuration of either space; what a space does not ask for is as the chapter has it, or `dnn`.

    The network is a lower part, hidden layers of 300 and then 100 units that may have been pretrained, and a head on
    top of it, which never was.
    """

    source: str  # what the lower part was trained for before: a key of studies.transfer.pretraining.SOURCES
    reused: int  # hidden layers of the lower part, from the input on; fresh ones where the source is none
    learning_rate: float  # throughout, or from where the frozen epochs are over
    # the head
    head_layers: int = 0  # hidden layers between the lower part and the output; none: the output layer alone
    head_units: int = 100  # of each of them
    # frozen and unfrozen
    frozen_epochs: int = 0  # the lower part is not trained in these, the first
    frozen_rate: float = 0.01  # learning rate in these
    unfreeze: str = "all"  # what is trained after: all, top (its last layer alone; and the head) or none (the head)
    # the rest
    pretrain_epochs: int = 5  # passes over the rows of the source
    activation: str = "elu"  # of all hidden layers: relu, elu or selu, each with its initializer
    optimizer: str = "sgd"  # a name of hpo.training.OPTIMIZERS
    batch_size: int = 32  # images
    dropout: float = 0.0  # share of units dropped before the output layer

    @property
    def pretrains(self) -> bool:
        """Whether the lower part begins with weights of another task."""
        return self.source != "none"


def written(space: Space, params: Params) -> dict[str, ParamValue]:
    """The configuration as `space` writes it: what is active there, with the default of what is not given."""
    wanted = TransferParams(**params)
    told: dict[str, ParamValue] = {}
    for name in space.params:
        if space.is_active(name, told):
            told[name] = getattr(wanted, name)
    return told
