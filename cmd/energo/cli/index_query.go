package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/spf13/cobra"
)

// queried is what --json prints of a query.
type queried struct {
	Index        string    `json:"index"`
	Images       []string  `json:"images,omitempty"`
	Like         []string  `json:"like,omitempty"`
	Not          []string  `json:"not,omitempty"`
	Text         string    `json:"text,omitempty"`
	EncodeMillis float64   `json:"encode_ms"`
	SearchMillis float64   `json:"search_ms"`
	Hits         []hitItem `json:"hits"`
}

// hitItem is a hit as --json has it.
type hitItem struct {
	ID       string            `json:"id"`
	Distance *float64          `json:"distance,omitempty"` // nil where words alone were looked for
	Score    float64           `json:"score,omitempty"`    // with --text
	Label    string            `json:"label,omitempty"`
	Path     string            `json:"path,omitempty"` // of its picture
	Fields   map[string]string `json:"fields,omitempty"`
}

// queryFlags are those of query.
type queryFlags struct {
	filterFlags
	serverFlags
	run, sheet string
	words      string
	like, not  []string
	weights    []float64
	away       float64
	k, offset  int
	within     float64
	json       bool
}

func newIndexQuery() *cobra.Command {
	var o queryFlags
	cmd := &cobra.Command{
		Use: "query INDEX [PICTURE...]", Short: "Find the items nearest to pictures or to other items",
		Long: `Encodes a picture with the encoder that made the index and lists the nearest items. Several pictures, and items of
the index (--like), are searched for by the weighted mean of their vectors; --not moves that mean away from pictures of what is not looked for.
--text looks for words in identifiers, labels and fields, ranked by BM25: alone, or with pictures and items, and then an item's
score is the sum of 1/(60 + rank) over the two rankings, of which the first 1000 count.
--out draws what was found on one sheet, as far as the pictures are where the index says.
With --server INDEX is the name of one that energo serve has there, and the pictures are sent to its encoder.

` + filterHelp,
		Example: `  energo index query Pictures.index beach.jpg
  energo index query Pictures.index beach.jpg sunset.jpg --weight 2,1 --not crowd.jpg
  energo index query Pictures.index --like Pictures/2020/beach.jpg -k 20 --offset 20
  energo index query Pictures.index --text 'red bus' beach.jpg
  energo index query Pictures.index seven.png --filter 'label = 7' --within 0.2 --out sheet.png
  energo index query Pictures beach.jpg --server https://models.example.org --token-file token`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 {
				return usagef("%s: the index is missing", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			pictures := args[1:]
			if err := o.check(cmd, pictures); err != nil {
				return err
			}
			filter, err := o.filter()
			if err != nil {
				return err
			}
			q := index.Query{K: o.k, Offset: o.offset, Filter: filter, Text: o.words}
			if cmd.Flags().Changed("within") {
				q.Within = &o.within
			}
			if o.server != "" {
				return o.askServer(cmd, args[0], pictures, q)
			}
			x, err := openIndex(cmd, args[0], toRead)
			if err != nil {
				return err
			}
			defer x.Close() // it was only read
			return o.query(cmd, x, args[0], pictures, q)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.like, "like", nil, "`identifier` of an item that is looked for, too; may be given again")
	f.StringArrayVar(&o.not, "not", nil, "`picture` of what is not looked for; may be given again")
	f.StringVar(&o.words, "text", "", "`words` that are looked for, too, or alone")
	f.Float64SliceVar(&o.weights, "weight", nil, "`weights` of the pictures, and then of --like, with commas between them (default 1 each)")
	f.Lookup("weight").DefValue = "" // not []
	f.Float64Var(&o.away, "away", index.DefaultAway, "how far to move away from --not, as a multiple of its distance")
	f.IntVarP(&o.k, "count", "k", 10, "how many")
	f.IntVar(&o.offset, "offset", 0, "number of hits that are left out before them")
	f.Float64Var(&o.within, "within", 0, "only items at most at this `distance`")
	o.filterFlags.add(cmd)
	o.serverFlags.add(f)
	madeByFlag(f, &o.run)
	f.StringVar(&o.sheet, "out", "", "PNG `file` to draw the pictures and those found to")
	jsonFlag(f, &o.json)
	return cmd
}

// check refuses what cannot be asked.
func (o *queryFlags) check(cmd *cobra.Command, pictures []string) error {
	texted := cmd.Flags().Changed("text")
	switch n := len(pictures) + len(o.like); {
	case n == 0 && !texted:
		return usagef("%s: a picture, an item by --like, or words by --text are missing", cmd.CommandPath())
	case texted && o.words == "":
		return usagef("--text is empty; it must have a word")
	case n == 0 && len(o.not) > 0:
		return usagef("--not is set, but there is no picture and no --like; words have nothing to move away from")
	case n == 0 && cmd.Flags().Changed("within"):
		return usagef("--within is set, but there is no picture and no --like from which items have a distance")
	case len(o.weights) > 0 && len(o.weights) != n:
		return usagef("--weight has %s, for %s", counted(len(o.weights), "number", "numbers"), counted(n, "picture or item", "pictures and items"))
	case o.k < 1 || o.k > index.MaxK:
		return usagef("-k is %d; it must be from 1 to %d", o.k, index.MaxK)
	case o.offset < 0 || o.offset > index.MaxK-o.k:
		return usagef("--offset is %d; with -k %d it must be from 0 to %d", o.offset, o.k, index.MaxK-o.k)
	case math.IsNaN(o.within) || math.IsInf(o.within, 0):
		return usagef("--within is %g; it must be a distance", o.within)
	}
	for i, w := range o.weights {
		if !(w > 0) || math.IsInf(w, 0) {
			return usagef("--weight %d is %g; it must be above 0", i+1, w)
		}
	}
	if err := o.serverFlags.check(cmd); err != nil {
		return err
	}
	return refuseVoid(cmd, []rule{
		{"away", len(o.not) > 0, "it is of --not"},
		{"run", len(pictures)+len(o.not) > 0, "items of the index have vectors already"},
		{"run", o.server == "", "the server of --server knows the encoder of its index"},
		{"out", o.server == "", "the pictures of an index of --server are on the server"},
	})
}

// query searches by the pictures and items, and says what was found.
func (o *queryFlags) query(cmd *cobra.Command, x index.Index, name string, pictures []string, q index.Query) error {
	ctx := cmd.Context()
	m, err := memoryOf(name)
	if err != nil {
		return err
	}
	looked, err := openPictures(slices.Concat(pictures, o.not))
	if err != nil {
		return err
	}
	start := time.Now()
	examples, err := o.examples(ctx, x, name, looked)
	if err != nil {
		return err
	}
	like, unlike := examples[:len(pictures)], examples[len(pictures):]
	for _, id := range o.like {
		like = append(like[:len(like):len(like)], index.Example{ID: id})
	}
	for i, w := range o.weights {
		like[i].Weight = w
	}
	if len(like) > 0 {
		if q, err = index.ByExample(ctx, x, q, like, unlike, o.away); err != nil {
			return err
		}
	}
	encoded := time.Now()
	hits, err := x.Search(ctx, []index.Query{q})
	if err != nil {
		return err
	}
	r := o.result(name, pictures)
	r.EncodeMillis, r.SearchMillis = encoded.Sub(start).Seconds()*1e3, time.Since(encoded).Seconds()*1e3
	for _, h := range hits[0] {
		r.add(h, q.Vector != nil, m)
	}
	if o.sheet != "" {
		if err := o.draw(ctx, x, looked, pictures, hits[0], m); err != nil {
			return err
		}
	}
	return r.print(messages(cmd, o.sheet), o.offset, o.json)
}

func openPictures(paths []string) (all []*data.EncodedPicture, err error) {
	for _, path := range paths {
		p, err := data.OpenPicture(path, data.MaxPicturePixels)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// result is what is printed, without hits.
func (o *queryFlags) result(name string, pictures []string) *queried {
	return &queried{Index: name, Images: pictures, Like: o.like, Not: o.not, Text: o.words, Hits: []hitItem{}}
}

// add adds a hit of a search with a vector or without.
func (r *queried) add(h index.Hit, vector bool, m collection.Memory) {
	item := hitItem{ID: h.ID, Score: h.Score, Label: h.Label, Path: m.Locate(h.Fields), Fields: collection.PublicFields(h.Fields)}
	if vector {
		item.Distance = &h.Distance
	}
	r.Hits = append(r.Hits, item)
}

// examples are the vectors of pictures.
func (o *queryFlags) examples(ctx context.Context, x index.Index, name string, pictures []*data.EncodedPicture) ([]index.Example, error) {
	if len(pictures) == 0 {
		return nil, nil
	}
	encoder, _, err := encoderOf(ctx, x, name, o.run)
	if err != nil {
		return nil, err
	}
	all := make([]index.Example, len(pictures))
	for i, p := range pictures {
		m, err := p.Fitted(encoder.Size().X, encoder.Size().Y)
		if err != nil {
			return nil, err
		}
		all[i].Vector = make([]float32, encoder.Dim())
		if err := encoder.Encode(all[i].Vector, []image.Image{m}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (r *queried) print(out io.Writer, before int, asJSON bool) error {
	for i, h := range r.Hits {
		line := fmt.Sprintf("%3d  %slabel %s  %s  %s", before+i+1, h.rank(), shown(orDash(h.Label)), shown(h.ID), publicFields(h.Fields))
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
	if len(r.Hits) == 0 {
		fmt.Fprintln(out, "Nothing found.")
	}
	return printJSON(out, r, asJSON)
}

// rank says by what a hit is where it is.
func (h *hitItem) rank() (text string) {
	if h.Score > 0 {
		text = fmt.Sprintf("score %-8.4f  ", h.Score)
	}
	if h.Distance != nil {
		text += fmt.Sprintf("distance %-8s  ", number(*h.Distance))
	}
	return text
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// draw draws what was looked for and those found, with what they are.
func (o *queryFlags) draw(ctx context.Context, x index.Index, looked []*data.EncodedPicture, pictures []string, hits []index.Hit, m collection.Memory) error {
	var cells []cell
	for i, p := range looked {
		small, err := p.Within(sheetSide)
		if err != nil {
			return err
		}
		what := "looked for"
		if i >= len(pictures) {
			what = "not looked for"
		}
		cells = append(cells, cell{picture: small, lines: []string{what}})
	}
	g := collection.Gallery{Memory: m}
	add := func(item index.Item, lines ...string) error {
		c := cell{lines: append(lines, item.ID)}
		p, err := g.Picture(ctx, item)
		if errors.Is(err, context.Canceled) {
			return err
		}
		var small image.Image
		if err == nil {
			small, err = p.Within(sheetSide)
		}
		if err == nil { // otherwise it is not where it was, or not a picture any more
			c.picture = small
		}
		cells = append(cells, c)
		return nil
	}
	for _, id := range o.like {
		item, _, err := x.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := add(item, "looked for", "label "+orDash(item.Label)); err != nil {
			return err
		}
	}
	for _, h := range hits {
		by := "distance " + number(h.Distance)
		if h.Score > 0 {
			by = fmt.Sprintf("score %.4f", h.Score)
		}
		if err := add(index.Item{ID: h.ID, Fields: h.Fields}, "label "+orDash(h.Label), by); err != nil {
			return err
		}
	}
	return writeSheet(o.sheet, cells)
}
