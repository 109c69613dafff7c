package report

import (
	"cmp"
	"slices"
)

// shownPairs is how many of the worst mistakes of either kind are shown.
const shownPairs = 12

// worst are the pairs that a threshold takes wrongly and that are farthest from it: those of the same that are refused, or
// others that are accepted.
func (p *Pairs) worst(threshold float64, same bool, x *Vectors, images Images) *groups {
	var wrong []int
	for i, d := range p.Distances {
		if p.Same[i] == same && (d <= threshold) != same {
			wrong = append(wrong, i)
		}
	}
	slices.SortStableFunc(wrong, func(a, b int) int {
		if same {
			a, b = b, a
		}
		return cmp.Compare(p.Distances[a], p.Distances[b])
	})
	g := &groups{name: "false_accepts", title: "Different, but taken for the same", unit: "the nearest of such pairs, with their distances", perLine: 4}
	if same {
		g.name, g.title, g.unit = "false_refusals", "The same, but taken for different", "the farthest of such pairs, with their distances"
	}
	for _, i := range wrong[:min(shownPairs, len(wrong))] {
		g.all = append(g.all, []shot{
			newShot(images, x, p.First[i], "wrong", short(p.Distances[i])),
			newShot(images, x, p.Second[i], "wrong", ""),
		})
	}
	return g
}
