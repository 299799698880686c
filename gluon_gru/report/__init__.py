"""Reports as pages: what a report module hands over, set into a template as one HTML file.

A page needs nothing else: no network, no other file. The templates are in ``templates/``; `render`
fills them, `charts` works out where lines and bars go, `gates` prepares a text to be looked at
character by character. None of them knows a report; reports import them.
"""
