"""A GitLab to test against: real HTTP, real git, strict about what it accepts.

Built from the public description of the REST API, not from our client. Git, pages, lost answers
and refusals that a test asks for are those of the stand-in of GitHub.
"""
