"""Runs a program with its standard input and output as file descriptors 3 and 4, where Chromium expects its pipe.

python docs/_pipes.py PROGRAM ARGUMENT…: what the program itself prints goes to standard error.
"""

import os
import sys

os.dup2(0, 3)
os.dup2(1, 4)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
os.execvp(sys.argv[1], sys.argv[1:])
