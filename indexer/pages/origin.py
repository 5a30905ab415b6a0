"""Where the index is: nginx fills it in for who asks."""

ORIGIN = b'<!--# echo var="board_origin" encoding="none" -->'
