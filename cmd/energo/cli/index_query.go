package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/spf13/cobra"
)

// queried is what --json prints of a query.
type queried struct {
	Index        string      `json:"index"`
	Image        string      `json:"image"`
	EncodeMillis float64     `json:"encode_ms"`
	SearchMillis float64     `json:"search_ms"`
	Hits         []index.Hit `json:"hits"`
}

func newIndexQuery() *cobra.Command {
	var filters filterFlags
	var run, sheet string
	var k int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "query INDEX IMAGE", Short: "Find the pictures nearest to a picture", Args: exactly("the index", "the picture"),
		Long: `Encodes a picture (PNG, JPEG, GIF, WebP) with the network that made the index and lists the nearest items.
--out draws them on one sheet, as far as their pictures are where they were.`,
		Example: `  energo index query runs/search-triplet-1/index seven.png
  energo index query runs/search-triplet-1/index seven.png -k 20 --label 7 --out sheet.png`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := filters.filter()
			if err != nil {
				return err
			}
			if k < 1 || k > index.MaxK {
				return usagef("-k is %d; it must be from 1 to %d", k, index.MaxK)
			}
			x, err := openIndex(cmd, args[0], toRead)
			if err != nil {
				return err
			}
			defer x.Close() // it was only read
			looked, err := data.OpenPicture(args[1], data.MaxPicturePixels)
			if err != nil {
				return err
			}
			r, m, err := query(cmd.Context(), x, args[0], run, looked, index.Query{K: k, Filter: filter})
			if err != nil {
				return err
			}
			r.Image = args[1]
			if sheet != "" {
				if err := drawHits(cmd.Context(), sheet, looked, r.Hits, m); err != nil {
					return err
				}
			}
			return r.print(messages(cmd, sheet), asJSON)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&k, "count", "k", 10, "how many")
	filters.add(cmd)
	madeByFlag(f, &run)
	f.StringVar(&sheet, "out", "", "PNG `file` to draw the picture and those found to")
	jsonFlag(f, &asJSON)
	return cmd
}

// query encodes a picture and searches for it.
func query(ctx context.Context, x index.Index, name, run string, p *data.EncodedPicture, q index.Query) (queried, collection.Memory, error) {
	r := queried{Index: name}
	encoder, memory, err := encoderOf(ctx, x, name, run)
	if err != nil {
		return r, memory, err
	}
	q.Vector = make([]float32, encoder.Dim())
	start := time.Now()
	m, err := p.Fitted(encoder.Size().X, encoder.Size().Y)
	if err != nil {
		return r, memory, err
	}
	if err := encoder.Encode(q.Vector, []image.Image{m}); err != nil {
		return r, memory, err
	}
	encoded := time.Now()
	hits, err := x.Search(ctx, []index.Query{q})
	if err != nil {
		return r, memory, err
	}
	r.EncodeMillis, r.SearchMillis = encoded.Sub(start).Seconds()*1e3, time.Since(encoded).Seconds()*1e3
	r.Hits = hits[0]
	return r, memory, nil
}

func (r *queried) print(out io.Writer, asJSON bool) error {
	for i, h := range r.Hits {
		line := fmt.Sprintf("%3d  distance %-8s  label %s  %s  %s", i+1, number(h.Distance), shown(orDash(h.Label)), shown(h.ID), publicFields(h.Fields))
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
	if len(r.Hits) == 0 {
		fmt.Fprintln(out, "Nothing found.")
	}
	return printJSON(out, r, asJSON)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// drawHits draws a picture and those found, with what they are.
func drawHits(ctx context.Context, path string, looked *data.EncodedPicture, hits []index.Hit, m collection.Memory) error {
	small, err := looked.Within(sheetSide)
	if err != nil {
		return err
	}
	cells := []cell{{picture: small, lines: []string{"looked for"}}}
	g := collection.Gallery{Memory: m}
	for _, h := range hits {
		p, err := g.Picture(ctx, index.Item{ID: h.ID, Fields: h.Fields})
		if errors.Is(err, context.Canceled) {
			return err
		}
		c := cell{lines: []string{"label " + orDash(h.Label), "distance " + number(h.Distance), h.ID}}
		if err == nil {
			small, err = p.Within(sheetSide)
		}
		if err == nil { // otherwise it is not where it was, or not a picture any more
			c.picture = small
		}
		cells = append(cells, c)
	}
	return writeSheet(path, cells)
}
