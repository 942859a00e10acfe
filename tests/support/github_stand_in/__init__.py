"""A GitHub to test against: real HTTP, real git, strict about what it accepts.

Built from the public description of the REST API, not from our client. Its address has the form
of GitHub Enterprise Server (`/api/v3`), so that every test covers the base URL, too.
"""
