"""Running a job: the one way that every front end goes."""
