package report

import (
	"fmt"

	"github.com/energo-ml/energo/search/retrieval"
)

// shownMistakes is how many mistakes a page shows, at most.
const shownMistakes = 12

func verdict(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}

// mistakeGroups are the hardest queries: each with the nearest picture, which is wrong, and the nearest right one.
func mistakeGroups(x *Vectors, r *retrieval.Report, images Images) (*groups, error) {
	g := &groups{name: "mistakes", title: "The hardest mistakes", unit: "a query, the nearest picture, and the nearest of the query's class, with their distances", perLine: 3}
	for n, m := range r.Mistakes {
		for _, i := range []int{m.Query, m.Wrong, m.Right} {
			if i < 0 || i >= x.n() {
				return nil, fmt.Errorf("mistake %d names picture %d; there are %d", n, i, x.n())
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
