"""ragapp: question answering over your own documents, on one machine, with exact citations.

    from ragapp import open_rag

Importing it loads no model and none of torch, transformers, sentence-transformers and FAISS.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragapp.bootstrap import open_rag
    from ragapp.calibration import Calibration
    from ragapp.conflict import Conflict, DocumentDate
    from ragapp.errors import RagError
    from ragapp.evaluation.comparing import Comparison, compare_runs
    from ragapp.evaluation.keeping import keep_run, list_runs, load_run, save_run
    from ragapp.evaluation.making import keep_questions, make_questions, questions_file
    from ragapp.evaluation.own_set import (
        OwnQuestion,
        evaluate_questions,
        labelled_questions,
        write_questions,
    )
    from ragapp.evaluation.rated_set import questions_of_ratings
    from ragapp.evaluation.report import render_report
    from ragapp.evaluation.run import EvaluationRun
    from ragapp.explaining import ExplainedHit, Explanation
    from ragapp.filters import (
        Date,
        DocumentId,
        Filter,
        Format,
        HeadingPath,
        Language,
        Metadata,
        PageNumber,
        Source,
        Title,
        parse_filter,
    )
    from ragapp.generation.catalog import recommend_models
    from ragapp.generation.hub import list_models, pull_model, remove_model
    from ragapp.rag import Rag
    from ragapp.rated import Rated
    from ragapp.refused import searched_in_vain
    from ragapp.settings import Settings
    from ragapp.several import Rags, open_rags
    from ragapp.streaming import AnswerStream
    from ragapp.talking import answer_of, talk
    from ragapp.trace import Trace
    from ragapp.transcripts import Conversation, ConversationInfo
    from ragapp.trust import forget_calibration
    from ragapp.types import Answer, Citation, Hit
    from ragapp.whole_files import write_whole

__all__ = [
    "Answer",
    "AnswerStream",
    "Calibration",
    "Citation",
    "Comparison",
    "Conflict",
    "Conversation",
    "ConversationInfo",
    "Date",
    "DocumentDate",
    "DocumentId",
    "EvaluationRun",
    "ExplainedHit",
    "Explanation",
    "Filter",
    "Format",
    "HeadingPath",
    "Hit",
    "Language",
    "Metadata",
    "OwnQuestion",
    "PageNumber",
    "Rag",
    "RagError",
    "Rags",
    "Rated",
    "Settings",
    "Source",
    "Title",
    "Trace",
    "answer_of",
    "compare_runs",
    "evaluate_questions",
    "forget_calibration",
    "keep_questions",
    "keep_run",
    "labelled_questions",
    "list_models",
    "list_runs",
    "load_run",
    "make_questions",
    "open_rag",
    "open_rags",
    "parse_filter",
    "pull_model",
    "questions_file",
    "questions_of_ratings",
    "recommend_models",
    "remove_model",
    "render_report",
    "save_run",
    "searched_in_vain",
    "talk",
    "write_questions",
    "write_whole",
]

_HOMES = {
    "Answer": "ragapp.types",
    "AnswerStream": "ragapp.streaming",
    "Calibration": "ragapp.calibration",
    "Citation": "ragapp.types",
    "Conflict": "ragapp.conflict",
    "Rated": "ragapp.rated",
    "questions_of_ratings": "ragapp.evaluation.rated_set",
    "DocumentDate": "ragapp.conflict",
    "Comparison": "ragapp.evaluation.comparing",
    "Conversation": "ragapp.transcripts",
    "ConversationInfo": "ragapp.transcripts",
    "Date": "ragapp.filters.expression",
    "DocumentId": "ragapp.filters.expression",
    "EvaluationRun": "ragapp.evaluation.run",
    "ExplainedHit": "ragapp.explaining",
    "Explanation": "ragapp.explaining",
    "Filter": "ragapp.filters.expression",
    "Format": "ragapp.filters.expression",
    "HeadingPath": "ragapp.filters.expression",
    "Hit": "ragapp.types",
    "Language": "ragapp.filters.expression",
    "Metadata": "ragapp.filters.expression",
    "OwnQuestion": "ragapp.evaluation.own_set",
    "PageNumber": "ragapp.filters.expression",
    "Rag": "ragapp.rag",
    "RagError": "ragapp.errors",
    "Rags": "ragapp.several",
    "Settings": "ragapp.settings",
    "Source": "ragapp.filters.expression",
    "Title": "ragapp.filters.expression",
    "Trace": "ragapp.trace",
    "answer_of": "ragapp.talking",
    "compare_runs": "ragapp.evaluation.comparing",
    "evaluate_questions": "ragapp.evaluation.own_set",
    "forget_calibration": "ragapp.trust",
    "keep_questions": "ragapp.evaluation.making",
    "keep_run": "ragapp.evaluation.keeping",
    "labelled_questions": "ragapp.evaluation.own_set",
    "list_models": "ragapp.generation.hub",
    "list_runs": "ragapp.evaluation.keeping",
    "load_run": "ragapp.evaluation.keeping",
    "make_questions": "ragapp.evaluation.making",
    "open_rag": "ragapp.bootstrap",
    "open_rags": "ragapp.several",
    "parse_filter": "ragapp.filters.grammar",
    "pull_model": "ragapp.generation.hub",
    "questions_file": "ragapp.evaluation.making",
    "recommend_models": "ragapp.generation.catalog",
    "remove_model": "ragapp.generation.hub",
    "render_report": "ragapp.evaluation.report",
    "save_run": "ragapp.evaluation.keeping",
    "searched_in_vain": "ragapp.refused",
    "talk": "ragapp.talking",
    "write_questions": "ragapp.evaluation.own_set",
    "write_whole": "ragapp.whole_files",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ragapp' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
