package report

import (
	"fmt"

	"github.com/energo-ml/energo/retrieval"
)

// What a page shows of searching, at most.
const (
	shownQueries  = 12
	shownNearest  = 8
	shownMistakes = 12
)

// queryGroups are queries, the first of an order that have another picture of their class to find, each with what is nearest.
func queryGroups(x *vectors, order []int, images Images) *groups {
	g := &groups{name: "queries", title: "Queries and what they find", unit: "at the left a query, then the nearest pictures with their distances", perLine: 1}
	sizes := x.sizes()
	for _, i := range order {
		if len(g.all) == shownQueries {
			break
		}
		if sizes[x.labels[i]] < 2 {
			continue
		}
		group := []shot{newShot(images, x, i, "query", "query")}
		for _, near := range x.nearest(i, shownNearest) {
			group = append(group, newShot(images, x, near.index, verdict(x.labels[near.index] == x.labels[i]), short(near.distance)))
		}
		g.all = append(g.all, group)
	}
	return g
}

func verdict(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}

// mistakeGroups are the hardest queries: each with the nearest picture, which is wrong, and the nearest right one.
func mistakeGroups(x *vectors, r *retrieval.Report, images Images) (*groups, error) {
	g := &groups{name: "mistakes", title: "The hardest mistakes", unit: "a query, the nearest picture, and the nearest of the query's class, with their distances", perLine: 3}
	for n, m := range r.Mistakes {
		for _, i := range []int{m.Query, m.Wrong, m.Right} {
			if i < 0 || i >= x.n {
				return nil, fmt.Errorf("mistake %d names picture %d; there are %d", n, i, x.n)
			}
		}
		if n < shownMistakes {
			g.all = append(g.all, []shot{
				newShot(images, x, m.Query, "query", "query"),
				newShot(images, x, m.Wrong, "wrong", short(m.Distance)),
				newShot(images, x, m.Right, "right", short(m.RightDistance)),
			})
		}
	}
	return g, nil
}
