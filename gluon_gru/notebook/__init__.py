"""The book's notebooks as they were published: run unchanged, their printed results judged.

`reading` refuses what can't be run, `dating` tells which edition of the text a notebook is of,
`running` runs cells one after the other, `kernel` prepares the process they run in, `results` reads
and judges what they print, and `rerun` does all of that.
"""
