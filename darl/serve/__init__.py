"""The online server: a model behind the HTTP interfaces that search stacks speak already."""
