"""`python -m darl` is `darl`."""

from darl.cli.main import main

main()
