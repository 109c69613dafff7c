package train

import "math/rand/v2"

// Rand returns the stream of random numbers of one purpose ("init", "shuffle",
// "augment" …) and one index within it (an epoch, a step). Streams of different
// purposes have nothing to do with each other, so drawing more from one leaves the
// rest as it was, and a resumed run finds its place by index alone.
func Rand(seed uint64, purpose string, index uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream(purpose, index)))
}

// stream numbers the streams: FNV-1a of the purpose, with the index spread over all bits.
func stream(purpose string, index uint64) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(purpose) {
		h = (h ^ uint64(purpose[i])) * 0x100000001b3
	}
	return h ^ index*0x9e3779b97f4a7c15
}
