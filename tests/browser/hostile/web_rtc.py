"""Find a way out by WebRTC."""

for kind in reach("RTCPeerConnection"):
    peer = new(kind)
    attempt(lambda peer=peer: peer.createDataChannel("x"))
    attempt(lambda peer=peer: peer.createOffer())
