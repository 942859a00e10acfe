"""Workspaces: several packages in one repository, installed together from its top."""
