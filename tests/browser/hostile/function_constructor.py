"""Make JavaScript from text by any object's constructor."""

for thing in worlds():
    for text in (f"fetch('{CANARY}function')", f"self.fetch('{CANARY}self')"):
        attempt(lambda thing=thing, text=text: thing.constructor.constructor(text)())
        attempt(lambda thing=thing, text=text: thing.__proto__.constructor.constructor(text)())
        attempt(lambda thing=thing, text=text: thing.constructor(text)())
