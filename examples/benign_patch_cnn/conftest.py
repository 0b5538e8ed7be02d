"""Its folder is where tests find the package without an installation."""
