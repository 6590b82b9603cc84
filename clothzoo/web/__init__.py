"""The demo page in the browser: `clothzoo demo --web`.

What the page can do is in `finder`, which knows nothing of pages; `page` draws it with Gradio,
`guard` lets in who may come in, and `serving` starts it all.
"""
