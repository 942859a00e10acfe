"""Every job, its events and its result, in SQL: the truth that Redis only hints at."""
