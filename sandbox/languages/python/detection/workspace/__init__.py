"""Several packages in one repository."""
