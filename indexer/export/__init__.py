"""A repository as plain files, for any web server: page sets → where their URLs have them → a directory elsewhere."""
