//go:build race

package recipe

const raceEnabled = true
