package text

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

// spokenNumbers are num2words' (oracle/spoken_numbers.py).
func spokenNumbers(t *testing.T) (all map[string]map[string]map[string]string) {
	t.Helper()
	data, err := os.ReadFile("testdata/numbers.json")
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil || len(all) != len(languages) {
		t.Fatalf("%d languages, %v", len(all), err)
	}
	return all
}

// TestNumbers: cardinals, ordinals and years are num2words'.
func TestNumbers(t *testing.T) {
	for name, cases := range spokenNumbers(t) {
		l := languages[name]
		for kind, of := range map[string]func(uint64) string{"cardinal": l.cardinal, "ordinal": l.ordinal, "year": l.year} {
			wrong := 0
			for digits, want := range cases[kind] {
				n, err := strconv.ParseUint(digits, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				if got := of(n); got != want {
					if wrong++; wrong < 12 {
						t.Errorf("%s: the %s of %d is %q; want %q", name, kind, n, got, want)
					}
				}
			}
			if len(cases[kind]) < 90 && !(kind == "year" && cases[kind] == nil) {
				t.Errorf("%s: %d cases of %ss are no trial", name, len(cases[kind]), kind)
			}
		}
	}
}
