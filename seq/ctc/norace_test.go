//go:build !race

package ctc

const raceEnabled = false
