"""What each of several rewrites of a row adds to their diversity (eq. 11)."""
