package cli

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"text/tabwriter"

	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/text"
)

// compare holds the words' times against the true ones, where there are some: those of words that are spelled, by their spelling.
func (a *aligning) compare(path string, t *ctc.Timeline, spelled []text.Word) error {
	truth, ok := a.truth[filepath.Clean(path)]
	if !ok {
		return nil
	}
	var words, exact []ctc.Timed
	at := 0 // in spelled, which has not the wildcards between sentences
	for _, w := range t.Words {
		if at < len(spelled) && (!w.Wildcard() || spelled[at].Spelled == ctc.WildcardText) {
			w.Text = spelled[at].Spelled
			at++
		}
		if !w.Unsaid {
			words = append(words, w)
		}
	}
	for _, w := range truth {
		parts, err := a.speller.Words(w.Word)
		if err != nil {
			return err
		}
		if s := a.speller.Spelling(parts); s != "" {
			exact = append(exact, ctc.Timed{Text: s, Start: w.Start, End: w.End})
		}
	}
	return a.errors.Add(words, exact)
}

// picture is an alignment as report draws it.
func (a *aligning) picture(t *ctc.Timeline, x read.Emissions) report.Alignment {
	p := report.Alignment{
		Title: filepath.Base(t.File), Span: t.Duration, Unit: a.Unit,
		Frames: x.Frames, Classes: len(a.Classes), ClassNames: a.Classes, FrameStart: x.Offset, FrameStep: x.Frame,
		Words: intervals(t.Words), Tokens: intervals(t.Tokens),
	}
	for _, v := range x.LogProbs {
		p.Posteriors = append(p.Posteriors, min(float32(math.Exp(float64(v))), 1))
	}
	if x.Line != nil {
		p.Spectrum, p.Rows, p.Columns, p.FromTop = x.Line.Pixels, x.Line.H, x.Line.W, a.Unit == read.Pixels
	}
	return p
}

func intervals(all []ctc.Timed) (out []report.Interval) {
	for _, t := range all {
		out = append(out, report.Interval{Text: t.Text, Start: t.Start, End: t.End, Confidence: t.Confidence})
	}
	return out
}

// show prints an alignment.
func (a *aligning) show(t *ctc.Timeline) error {
	if a.json {
		return printJSON(a.out, t, true)
	}
	if a.many {
		fmt.Fprintf(a.out, "%s: %s, path %.2f of %.2f nat\n", t.File, counted(len(t.Words), "word", "words"), t.LogProb, t.Total)
		return nil
	}
	digits := 2
	if a.Unit == read.Pixels {
		digits = 0
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "START\tEND\tCONFIDENCE\t  WORD")
	for _, x := range t.Words {
		fmt.Fprintf(w, "%.*f\t%.*f\t%.3f\t  %s\n", digits, x.Start, digits, x.End, x.Confidence, x.Text)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%.*f %s; the path has %.2f nat, all paths that spell the text %.2f\n", digits, t.Duration, a.Unit, t.LogProb, t.Total)
	return nil
}

// timeErrors are how far times are from true ones: the last line of --json with --truth.
type timeErrors struct {
	Starts ctc.TimeErrors `json:"starts"`
	Ends   ctc.TimeErrors `json:"ends"`
	All    ctc.TimeErrors `json:"all"`
}

// finish writes what is of all files together.
func (a *aligning) finish() error {
	if err := a.outs.finish(); err != nil {
		return err
	}
	if a.truth == nil {
		return nil
	}
	e := timeErrors{a.errors.Starts(), a.errors.Ends(), a.errors.All()}
	if e.All.Count == 0 {
		return errors.New("--truth has no times of the manifest's files")
	}
	if a.json {
		return printJSON(a.out, e, true)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nERRORS, ms\tWORDS\tMEDIAN\tMEAN\tP95\tBIAS\tWITHIN 20\tWITHIN 50\t")
	for _, row := range []struct {
		name string
		ctc.TimeErrors
	}{{"starts", e.Starts}, {"ends", e.Ends}, {"both", e.All}} {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%.1f\t%+.1f\t%s\t%s\t\n", row.name, row.Count,
			1000*row.Median, 1000*row.Mean, 1000*row.P95, 1000*row.Bias, share(row.Within20), share(row.Within50))
	}
	return w.Flush()
}
