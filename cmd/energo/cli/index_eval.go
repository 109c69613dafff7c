package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
	"github.com/spf13/cobra"
)

// evaluated is what --json prints of an evaluation.
type evaluated struct {
	Index  string            `json:"index"`
	Labels []string          `json:"labels"` // their places are the numbers of classes and mistakes
	Report *retrieval.Report `json:"report"`
	Int8   *rounded          `json:"int8,omitempty"`
}

// rounded is what storage as int8 finds of what exact coordinates find.
type rounded struct {
	Queries int            `json:"queries"`
	K       int            `json:"k"`
	Recall  measure.Number `json:"recall"` // share of the K nearest
}

func newIndexEval() *cobra.Command {
	var asJSON, rounding bool
	var seed uint64
	var limit int
	cmd := &cobra.Command{
		Use: "eval INDEX", Short: "Measure how well an index finds items of the same label", Args: exactly("the index"),
		Long: `Searches for each item among all others and looks whether what is found has its label: precision@1, recall@k,
R-precision, MAP@R, and NMI, the agreement of labels with clusters. Items that are alone with their label, or have none, are left
out. The time grows with the square of the items; --limit takes some of them alone, among which finding is
easier than among all. --int8 also measures which share of the ten nearest an index with --storage int8 would find.`,
		Example: `  energo index eval runs/search-triplet-1/index --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := openIndex(cmd, args[0], toRead)
			if err != nil {
				return err
			}
			defer x.Close() // it was only read
			labelled, err := labelledItems(cmd.Context(), x)
			if err != nil {
				return err
			}
			labelled = spread(labelled, limit)
			info, err := x.Info(cmd.Context())
			if err != nil {
				return err
			}
			r := evaluated{Index: args[0]}
			if r.Labels, r.Report, err = evaluateItems(cmd.Context(), labelled, info, seed); err != nil {
				return fmt.Errorf("%s: %w", shown(args[0]), err)
			}
			if rounding {
				if r.Int8, err = compareInt8(cmd.Context(), info, labelled); err != nil {
					return err
				}
			}
			r.print(cmd.OutOrStdout())
			return printJSON(cmd.OutOrStdout(), r, asJSON)
		},
	}
	cmd.Flags().BoolVar(&rounding, "int8", false, "compare with storage as int8")
	cmd.Flags().IntVar(&limit, "limit", 0, "number of items that are measured, spread over the index; 0 is all")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of the clusters")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object, the last line of stdout")
	return cmd
}

// labelledItems returns the items that have a label.
func labelledItems(ctx context.Context, x index.Index) (all []index.Item, err error) {
	items, err := eachItem(ctx, x)
	if err != nil {
		return nil, err
	}
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		if item.Label != "" {
			all = append(all, item)
		}
	}
	return all, nil
}

// spread returns n of the items, as far from each other as can be; all where n is 0 or more than there are.
func spread(items []index.Item, n int) (some []index.Item) {
	if n <= 0 || n >= len(items) {
		return items
	}
	for i := range n {
		some = append(some, items[i*len(items)/n])
	}
	return some
}

// evaluateItems measures retrieval by label.
func evaluateItems(ctx context.Context, items []index.Item, info index.Info, seed uint64) (labels []string, r *retrieval.Report, err error) {
	for _, item := range items {
		labels = append(labels, item.Label)
	}
	slices.SortFunc(labels, byNumber)
	labels = slices.Compact(labels)
	var vectors []float32
	var classes []int
	for _, item := range items {
		class, _ := slices.BinarySearchFunc(labels, item.Label, byNumber)
		vectors, classes = append(vectors, item.Vector...), append(classes, class)
	}
	r, err = retrieval.Evaluate(ctx, vectors, info.Dim, classes, retrieval.Options{
		Distance: distance.Measure{Kind: info.Metric}, Rand: train.Rand(seed, "clusters", 0),
	})
	return labels, r, err
}

// byNumber orders labels: numbers as such, before all others.
func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil && x != y:
		return cmp.Compare(x, y)
	case (errX == nil) != (errY == nil):
		if errX == nil {
			return -1
		}
		return 1
	}
	return cmp.Compare(a, b)
}

// Queries and hits of the comparison with int8.
const (
	int8Queries = 1000
	int8K       = 10
)

// compareInt8 makes an index of the items with each storage and counts what int8 finds of what float32 finds.
func compareInt8(ctx context.Context, info index.Info, items []index.Item) (*rounded, error) {
	var queries []index.Query
	for _, item := range spread(items, int8Queries) {
		queries = append(queries, index.Query{Vector: item.Vector, K: int8K, Filter: index.Filter{Exclude: []string{item.ID}}})
	}
	o := index.Options{Dim: info.Dim, Metric: info.Metric, Storage: index.Float32}
	want, err := searchStored(ctx, o, items, queries)
	if err != nil {
		return nil, err
	}
	o.Storage = index.Int8
	got, err := searchStored(ctx, o, items, queries)
	if err != nil {
		return nil, err
	}
	shared, all := 0, 0
	for i := range want {
		ids := map[string]bool{}
		for _, h := range got[i] {
			ids[h.ID] = true
		}
		for _, h := range want[i] {
			if all++; ids[h.ID] {
				shared++
			}
		}
	}
	return &rounded{Queries: len(queries), K: int8K, Recall: measure.Number(measure.Ratio(float64(shared), float64(all)))}, nil
}

// searchStored searches in an index of the items that is there only for that.
func searchStored(ctx context.Context, o index.Options, items []index.Item, queries []index.Query) (hits [][]index.Hit, err error) {
	dir, err := os.MkdirTemp("", "energo-eval-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	x, err := index.Create(filepath.Join(dir, "index"), o)
	if err != nil {
		return nil, err
	}
	for batch := range slices.Chunk(items, 4096) {
		if err == nil {
			err = x.Add(ctx, batch)
		}
	}
	if err == nil {
		hits, err = x.Search(ctx, queries)
	}
	return hits, errors.Join(err, x.Close())
}

func (r *evaluated) print(out io.Writer) {
	rep := r.Report
	fmt.Fprintf(out, "%s: %d queries among %d items of %d labels (%d left out)\n", shown(r.Index), rep.Queries, rep.Gallery, len(r.Labels), rep.LeftOut)
	fmt.Fprintf(out, "precision@1  %s\n", share(rep.Precision1))
	for _, k := range rep.Recall {
		fmt.Fprintf(out, "recall@%-5d %s\n", k.K, share(k.Share))
	}
	fmt.Fprintf(out, "R-precision  %s\nMAP@R        %s\nMAP          %s\n", share(rep.RPrecision), share(rep.MAPAtR), share(rep.MAP))
	if rep.NMI != nil {
		fmt.Fprintf(out, "NMI          %.3f\n", *rep.NMI)
	}
	for _, c := range rep.Classes {
		fmt.Fprintf(out, "  label %s: %s of %d\n", shown(r.Labels[c.Label]), share(c.Precision1), c.Queries)
	}
	if r.Int8 != nil {
		fmt.Fprintf(out, "int8 finds %s of the %d nearest (%d queries)\n", share(r.Int8.Recall), r.Int8.K, r.Int8.Queries)
	}
}
