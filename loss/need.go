package loss

import (
	"fmt"
	"slices"
	"strings"
)

// A Need is what an option needs in order to count: where others make it void, it is refused.
type Need struct {
	Option string
	Where  string // in words: "distance is lp"
	Holds  func(r Request) bool
}

// CheckNeeds refuses a request's options that others make void. called is the loss's name.
func CheckNeeds(called string, needs []Need, r Request) error {
	for _, n := range needs {
		if v := r.Options[n.Option]; v != nil && !n.Holds(r) {
			return fmt.Errorf("%s: option %s %v has no effect: it counts only where %s", called, n.Option, shown(v), n.Where)
		}
	}
	return nil
}

// shown is an option's value as an error shows it.
func shown(v any) any {
	if a, ok := v.(Array[float64]); ok {
		return fmt.Sprintf("an array of shape %v", a.Shape)
	}
	return v
}

// only says that an option counts where another, whose default is given, has one of the
// values.
func only(option, other string, byDefault any, values ...any) Need {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return Need{option, other + " is " + strings.Join(words, " or "), func(r Request) bool {
		v := r.Options[other]
		if v == nil {
			v = byDefault
		}
		return slices.Contains(values, v)
	}}
}
