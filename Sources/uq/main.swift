print("uq")
