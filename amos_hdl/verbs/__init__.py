"""What each verb of the command line does: from a project to an outcome."""
