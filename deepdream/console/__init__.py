"""What is said on which stream: lines, the bar, Ctrl-C, errors in one line."""
