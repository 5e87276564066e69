"""A fit that lives in a folder: started from a file, saved as it goes, stopped and resumed at any moment."""

from neuralfields.runs.collection import Collection, Member
from neuralfields.runs.judging import judge_views
from neuralfields.runs.options import Options
from neuralfields.runs.run import Run, resume, start

__all__ = ["Collection", "Member", "Options", "Run", "judge_views", "resume", "start"]
