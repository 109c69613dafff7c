package timedtext

import (
	"strings"
	"testing"
)

// BenchmarkCues cuts the words of about an hour.
func BenchmarkCues(b *testing.B) {
	x := said(strings.Repeat("Nobody had asked the members of the jury why, and then they all went home. ", 700), 0)
	for b.Loop() {
		if _, err := Cues(x, Rules{}); err != nil {
			b.Fatal(err)
		}
	}
}
