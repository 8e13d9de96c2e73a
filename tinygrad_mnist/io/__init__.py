"""What both formats of files share: replacing a file at once, and how parts are nested."""
