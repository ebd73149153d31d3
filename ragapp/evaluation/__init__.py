"""Evaluation: question sets with known answers in, figures with their intervals out.

    questions -> ask -> QuestionResult* -> summarise -> EvaluationRun -> compare, report

Nothing here reads a document: `ingest.evaluation` brings a folder of passages into a collection.
"""
