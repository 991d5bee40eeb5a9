"""Write a cookie, by the document and by the cookie store."""

for document in reach("document"):
    attempt(lambda document=document: setattr(document, "cookie", "kept=1"))
for store in reach("cookieStore"):
    attempt(lambda store=store: store.set("kept", "1"))
