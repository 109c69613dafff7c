//go:build race

package nn

// raceEnabled: under the race detector sync.Pool forgets at random, so that warm
// code allocates.
const raceEnabled = true
