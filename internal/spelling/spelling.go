// Package spelling finds the names that a mistyped one was meant to be.
package spelling

import "strings"

// DidYouMean returns the end of a sentence that names those of the known names that are near to what was typed,
// such as ", did you mean hinge?"; "" where none is.
func DidYouMean(typed string, known []string) string {
	near := Near(typed, known)
	if len(near) == 0 {
		return ""
	}
	return ", did you mean " + strings.Join(near, " or ") + "?"
}

// most is how many names are suggested.
const most = 3

// Near returns the known names at the least distance from what was typed, three at most, if that is at most 2 and less
// than half of the typed name's length; otherwise those that begin with it. The case of letters does not count.
func Near(typed string, known []string) (near []string) {
	t := []rune(strings.ToLower(typed))
	least := min(2, (len(t)-1)/2)
	for _, name := range known {
		switch d := distance(t, []rune(strings.ToLower(name))); {
		case d > least || len(t) == 0:
		case d < least:
			least, near = d, []string{name}
		case len(near) < most:
			near = append(near, name)
		}
	}
	if near != nil || len(t) == 0 {
		return near
	}
	for _, name := range known {
		if strings.HasPrefix(strings.ToLower(name), string(t)) && len(near) < most {
			near = append(near, name)
		}
	}
	return near
}

// distance is the least number of letters inserted, deleted, replaced or exchanged with their neighbour.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i, x := range a {
		row[0] = i + 1
		for j, y := range b {
			cost := 1
			if x == y {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x == b[j-1] && y == a[i-1] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
