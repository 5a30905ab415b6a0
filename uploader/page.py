"""What every page for people that the uploader makes has around itself."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{root}-/larder.css">
</head>
<body>
<nav aria-label="Where this is">{way}</nav>
<main>
{content}</main>
</body>
</html>
"""


def render_page(*, title: str, root: str, way: str, content: str) -> str:
    """All of it HTML. `root` leads from the page to where the start page is, `way` shows how one comes back."""
    return _PAGE.format(title=title, root=root, way=way, content=content)
