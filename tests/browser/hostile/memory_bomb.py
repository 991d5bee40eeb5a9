"""Take all memory."""

hoard = []
while True:
    hoard.append(bytearray(16_000_000))
