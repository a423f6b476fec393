"""How good the networks are that a search names, against other ways to spend the same work.

`task` is what is searched, `table` trains all of it once, `replay` lets every method search the table many times, and
`contest` lets a few of them search real networks side by side.
"""
