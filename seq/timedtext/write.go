package timedtext

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/energo-ml/energo/seq/ctc"
)

// A Format is how a timeline is written.
type Format string

// The formats, by the ends of files' names.
const (
	JSON     Format = "json"     // a timeline as an object
	CSV      Format = "csv"      // columns path, word, start, end and confidence
	CTM      Format = "ctm"      // NIST's time-marked conversations
	TextGrid Format = "TextGrid" // Praat's, with tiers of words and tokens
	SRT      Format = "srt"      // SubRip's subtitles
	VTT      Format = "vtt"      // WebVTT
	ASS      Format = "ass"      // Advanced SubStation Alpha, its words marked for karaoke
)

// Formats lists them.
func Formats() []Format { return []Format{SRT, VTT, ASS, TextGrid, CTM, CSV, JSON} }

// FormatOf returns the format that a file's name ends in, in letters of any case.
func FormatOf(name string) (f Format, ok bool) {
	end := strings.TrimPrefix(filepath.Ext(name), ".")
	for _, f := range Formats() {
		if strings.EqualFold(end, string(f)) {
			return f, true
		}
	}
	return "", false
}

// Subtitles reports whether the format has cues, which Rules cut.
func (f Format) Subtitles() bool { return f == SRT || f == VTT || f == ASS }

// HoldsMany reports whether one file of the format may hold the timelines of several recordings, whose names are in it.
func (f Format) HoldsMany() bool { return f == CTM || f == CSV }

// Write writes timelines in seconds as one file; JSON takes any unit.
//
// CTM has a line for each word: file, channel, start, duration, word and confidence; white space becomes _, no file -, and a
// word without text <eps>. In a TextGrid, what lies between words has intervals without text, and the text of a word that is
// unsaid is joined to the one before. Words of JSON, CSV and CTM that are unsaid last no time. Subtitles leave wildcards out.
//
// Errors: an unknown format; rules out of their ranges; a number of timelines other than one for a format that holds one.
func Write(w io.Writer, f Format, r Rules, all ...*ctc.Timeline) error {
	if len(all) != 1 && !f.HoldsMany() {
		return fmt.Errorf("timedtext: there are %d timelines; a file of the format %s holds one", len(all), f)
	}
	if f == JSON {
		return writeJSON(w, all[0])
	}
	out := bufio.NewWriter(w)
	var err error
	switch f {
	case CSV:
		err = writeCSV(out, all)
	case CTM:
		writeCTM(out, all)
	case TextGrid:
		writeTextGrid(out, all[0])
	case SRT, VTT, ASS:
		err = writeCues(out, f, r, all[0])
	default:
		err = fmt.Errorf("timedtext: there is no format %q; it must be one of %v", f, Formats())
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func writeJSON(w io.Writer, t *ctc.Timeline) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(t)
}

// writeCSV writes columns that audio.Times reads.
func writeCSV(w io.Writer, all []*ctc.Timeline) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"path", "word", "start", "end", "confidence"}}
	for _, t := range all {
		for _, x := range t.Words {
			rows = append(rows, []string{t.File, x.Text, fixed(x.Start, 3), fixed(x.End, 3), fixed(x.Confidence, 3)})
		}
	}
	return out.WriteAll(rows)
}

func fixed(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }

func writeCTM(w io.Writer, all []*ctc.Timeline) {
	for _, t := range all {
		for _, x := range t.Words {
			fmt.Fprintf(w, "%s 1 %.3f %.3f %s %.3f\n", cmp.Or(unspaced(t.File), "-"), x.Start, x.End-x.Start, cmp.Or(unspaced(x.Text), "<eps>"), x.Confidence)
		}
	}
}

// unspaced is a text as one field of a line.
func unspaced(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return '_'
		}
		return r
	}, s)
}

func writeTextGrid(w io.Writer, t *ctc.Timeline) {
	end := max(endOf(t), 0.001) // an interval must last
	fmt.Fprintf(w, "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0\nxmax = %s\ntiers? <exists>\nsize = 2\nitem []:\n", fixed(end, 4))
	writeTier(w, 1, "words", t.Words, end)
	writeTier(w, 2, "tokens", t.Tokens, end)
}

// endOf is where a timeline ends, at the latest word's or token's.
func endOf(t *ctc.Timeline) float64 {
	end := t.Duration
	for _, x := range slices.Concat(t.Words, t.Tokens) {
		end = max(end, x.End)
	}
	return end
}

// writeTier writes a tier without gaps.
func writeTier(w io.Writer, number int, name string, all []ctc.Timed, end float64) {
	parts := intervals(all, end)
	fmt.Fprintf(w, "    item [%d]:\n        class = \"IntervalTier\"\n        name = \"%s\"\n        xmin = 0\n        xmax = %s\n        intervals: size = %d\n",
		number, name, fixed(end, 4), len(parts))
	for i, x := range parts {
		fmt.Fprintf(w, "        intervals [%d]:\n            xmin = %s\n            xmax = %s\n            text = \"%s\"\n",
			i+1, fixed(x.Start, 4), fixed(x.End, 4), strings.ReplaceAll(x.Text, `"`, `""`))
	}
}

// intervals fills a tier: Praat has neither gaps nor empty intervals, so a word that lasts no time joins one beside it.
func intervals(all []ctc.Timed, end float64) (parts []ctc.Timed) {
	same := func(a, b float64) bool { return fixed(a, 4) == fixed(b, 4) }
	at, last := 0.0, -1 // the last interval with a text
	var early []ctc.Timed
	for _, x := range all {
		x.Start, x.End = max(x.Start, at), max(x.End, at)
		if same(x.Start, x.End) {
			if last >= 0 {
				parts[last].Text = ctc.JoinWords([]ctc.Timed{parts[last], x})
			} else {
				early = append(early, x)
			}
			continue
		}
		if !same(x.Start, at) {
			parts = append(parts, ctc.Timed{Start: at, End: x.Start})
		}
		x.Text, early = ctc.JoinWords(append(early, x)), nil
		last = len(parts)
		parts, at = append(parts, x), x.End
	}
	if !same(at, end) || len(parts) == 0 {
		parts = append(parts, ctc.Timed{Text: ctc.JoinWords(early), Start: at, End: end})
	}
	return parts
}

// milliseconds rounds a time.
func milliseconds(v float64) int64 { return int64(math.Round(max(v, 0) * 1000)) }
