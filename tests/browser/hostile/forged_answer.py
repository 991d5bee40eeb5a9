"""Answer instead of the simulation, with markup that acts."""

FORGED = '{"ok":true,"film":{"panels":[{"key":"x","svg":["<svg onload=alert(1)>"],"at":[0]}]}}'
for post in reach("postMessage"):
    attempt(post, ["answer", FORGED])
