"""What is minimised: sums of losses of cells. Names load with what they need at first use."""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door

if TYPE_CHECKING:
    from sgns_pmi.factorise.losses.infonce import InfoNCELoss
    from sgns_pmi.factorise.losses.likelihood import MultinomialLikelihood
    from sgns_pmi.factorise.losses.sgns import ExactObjective, sgns_objective
    from sgns_pmi.factorise.losses.swivel import SwivelObjective

__getattr__ = door(__name__)

__all__ = ["ExactObjective", "InfoNCELoss", "MultinomialLikelihood", "SwivelObjective", "sgns_objective"]
