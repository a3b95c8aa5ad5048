"""One page of HTML that says what a run or a sweep found; nothing else is needed to read it."""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door

if TYPE_CHECKING:
    from sgns_pmi.report.write import report_at_end, write_report

__getattr__ = door(__name__)

__all__ = ["report_at_end", "write_report"]
