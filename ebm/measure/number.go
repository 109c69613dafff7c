package measure

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Number is a float64 that JSON can hold whatever it is: the strings "NaN", "Infinity"
// and "-Infinity" stand for what is not finite, in every file of energo.
type Number float64

// Finite tells whether v is neither NaN nor infinite.
func Finite(v float64) bool { return v-v == 0 }

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	switch {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(v)
}

// UnmarshalJSON implements json.Unmarshaler. Errors: anything but a number that float64 can
// hold and the three strings.
func (n *Number) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"NaN"`:
		*n = Number(math.NaN())
		return nil
	case `"Infinity"`:
		*n = Number(math.Inf(1))
		return nil
	case `"-Infinity"`:
		*n = Number(math.Inf(-1))
		return nil
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !Finite(v) { // ParseFloat also takes words that JSON has as strings alone
		const most = 40
		if len(text) > most {
			text = text[:most]
		}
		return fmt.Errorf(`%s is no number; it must be one, "NaN", "Infinity" or "-Infinity"`, text)
	}
	*n = Number(v)
	return nil
}

// String writes a number for people: three significant digits, a true minus sign, and words
// where it is not finite.
func (n Number) String() string {
	v := float64(n)
	switch {
	case math.IsNaN(v):
		return "not a number"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	case v == 0:
		return "0"
	}
	a := math.Abs(v)
	if a >= 1e6 || a < 1e-4 {
		return minus(strconv.FormatFloat(v, 'e', 2, 64))
	}
	return minus(strconv.FormatFloat(v, 'f', max(0, 2-int(math.Floor(math.Log10(a)))), 64))
}

// minus puts a true minus sign instead of hyphens.
func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }
