"""Fill the file system, which lives outside the interpreter's memory."""

with open("/tmp/big", "wb") as file:
    attempt(file.truncate, 3_000_000_000)
for number in range(100_000):
    with open(f"/tmp/{number}", "wb") as file:
        file.write(b"x" * 10_000_000)
